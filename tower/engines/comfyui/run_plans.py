"""A planned run: the graph of a shot for one server, and why that server cannot run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill_graph
from tower.workflows.bindings import bind_values, get_bound_value
from tower.workflows.checking import check_graph, fatal_findings
from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.graph import WorkflowGraph
from tower.workflows.nodes import ObjectInfo
from tower.workflows.saved_files import clip_findings

SERVER_FOLDER = "tower"  # Tower's folder below the server's input and output folders
FAULT_BY_FINDING = {
    GraphFindingCode.MISSING_NODE: ComfyUIFault.MISSING_NODE,
    GraphFindingCode.MISSING_MODEL: ComfyUIFault.MISSING_MODEL,
}


@dataclass(frozen=True)
class RunPlan:
    """A planned run.

    `window`: the frames that the motion model takes at once, and their overlap; None keeps those of the graph.
    """

    workflow: WorkflowGraph
    shot: Shot
    info: ObjectInfo
    reference_name: str | None = None
    window: tuple[int, int] | None = None

    def rendered_form(self, graph: Mapping[str, Any]) -> tuple[int, int, int]:
        """The width, height and frames that the filled graph renders: at least those of the shot."""
        asked = {"width": self.shot.width, "height": self.shot.height, "frames": self.shot.frames}
        bound = {name: get_bound_value(self.workflow, name, graph) for name in asked}
        width, height, frames = (
            max(own, found) if isinstance(found := bound[name], int) else own for name, own in asked.items()
        )
        return width, height, frames

    def build_graph(self, run_id: str) -> dict[str, Any]:
        """The graph of a run. It saves under the run's id, so runs share no files and no cached results."""
        prefix = f"{SERVER_FOLDER}/{run_id}"
        info, reference = self.info, self.reference_name
        graph = fill_graph(self.workflow, self.shot, prefix=prefix, reference_name=reference, info=info)
        if self.window is None:
            return graph
        length, overlap = self.window
        return bind_values(
            self.workflow, {"context_length": length, "context_overlap": overlap}, graph=graph, info=info
        )


def find_obstacle(plan: RunPlan, server: str, *, still: bool = False) -> ComfyUIError | None:
    """Why the server cannot run the plan, or it makes no clip. Raises InvalidError for a value that no input takes."""
    graph = plan.build_graph(SERVER_FOLDER)
    findings = fatal_findings(check_graph(graph, plan.info))
    if findings:
        return _cannot_run(server, plan.workflow, findings)
    no_clip = [] if still else clip_findings(graph, plan.info)
    if no_clip:
        message = f"The workflow {plan.workflow.name} makes no clip: {no_clip[0]}"
        return ComfyUIError(ComfyUIFault.NOT_AS_ASKED, message)
    return None


def _cannot_run(server: str, workflow: WorkflowGraph, findings: list[GraphFinding]) -> ComfyUIError:
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return ComfyUIError(
        FAULT_BY_FINDING.get(first.code, ComfyUIFault.REFUSED),
        f"The workflow {workflow.name} cannot run on {server}: {first}{more}",
        details={"findings": [str(finding) for finding in findings]},
    )
