"""Plans the run of a shot: chooses the workflow, fills its graph and checks it against the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill_graph
from tower.engines.comfyui.progress import RenderReporter
from tower.media.files import sha256_of
from tower.media.pictures import EXPECTED_PICTURE, is_picture
from tower.workflows.bindings import bind_values, get_bound_value
from tower.workflows.builtins import builtin_workflows
from tower.workflows.checking import check_graph, fatal_findings, node_classes
from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.graph import WorkflowGraph
from tower.workflows.nodes import ObjectInfo
from tower.workflows.saved_files import clip_findings

SERVER_FOLDER = "tower"  # Tower's folder below the server's input and output folders
MIN_WINDOW = 8  # frames; motion modules produce no motion with fewer
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


def plan_run(client: ComfyUIClient, shot: Shot, reporter: RenderReporter, *, still: bool = False) -> RunPlan:
    """Plan the run of a shot. Raises ComfyUIError, with a remedy, if this server cannot run it or it saves no clip."""
    workflow, picture = _workflow(shot, reporter)
    reference = _upload_reference(client, picture, reporter) if picture else None
    plan = RunPlan(workflow, shot, _node_info(client, workflow, reporter), reference)
    findings = fatal_findings(check_graph(plan.build_graph(SERVER_FOLDER), plan.info))
    if findings:  # the catalogue may be outdated: ask the server again
        client.catalogue.clear_cache()
        plan = replace(plan, info=_node_info(client, workflow, reporter))
        findings = fatal_findings(check_graph(plan.build_graph(SERVER_FOLDER), plan.info))
    if findings:
        raise _cannot_run(client, workflow, findings)
    no_clip = [] if still else clip_findings(plan.build_graph(SERVER_FOLDER), plan.info)
    if no_clip:
        raise ComfyUIError(ComfyUIFault.NOT_AS_ASKED, f"The workflow {workflow.name} makes no clip: {no_clip[0]}")
    return plan


def with_smaller_window(plan: RunPlan) -> tuple[RunPlan, str]:
    """The plan with a smaller window of frames, if its graph has one, and a description of the change."""
    graph = plan.build_graph(SERVER_FOLDER)
    length, overlap = (get_bound_value(plan.workflow, f"context_{name}", graph) for name in ("length", "overlap"))
    if not isinstance(length, int) or length <= MIN_WINDOW:
        return plan, "unchanged"
    smaller_length = max(MIN_WINDOW, length * 2 // 3)
    window = (smaller_length, min(overlap if isinstance(overlap, int) else 0, smaller_length // 4))
    return replace(plan, window=window), f"with a window of {smaller_length} frames instead of {length}"


def _workflow(shot: Shot, teller: RenderReporter) -> tuple[WorkflowGraph, Path | None]:
    """The workflow and, if it takes one, the reference picture."""
    workflow = shot.graph
    if workflow is None:
        raise ComfyUIError(ComfyUIFault.NO_WORKFLOW, "The shot has no workflow for ComfyUI; choose one")
    if not workflow.bindings.get("reference"):
        return workflow, None
    member = next((member for member in shot.cast if member.reference_image), None)
    if member is not None and member.reference_image:
        picture = Path(member.reference_image)
        if not picture.is_file():
            message = f"The reference image of {member.name} is missing: {picture}; give the character another one"
            raise ComfyUIError(ComfyUIFault.NO_REFERENCE, message)
        with picture.open("rb") as file:
            if not is_picture(file):
                message = f"The reference image of {member.name} cannot be used: {picture} must be {EXPECTED_PICTURE}"
                raise ComfyUIError(ComfyUIFault.NO_REFERENCE, message)
        return workflow, picture
    built_in = builtin_workflows().get(workflow.name)
    if built_in is None or built_in.without_reference is None:
        message = f"The workflow {workflow.name} needs a reference image, and no character of the shot has one; add one"
        raise ComfyUIError(ComfyUIFault.NO_REFERENCE, message)
    teller.remark(f"No character has a reference image: rendered with {built_in.without_reference} instead")
    return builtin_workflows()[built_in.without_reference].workflow, None


def _upload_reference(client: ComfyUIClient, picture: Path, teller: RenderReporter) -> str:
    """Upload a picture under a name made of its hash, so that equal pictures get the same name."""
    name = f"{sha256_of(picture)[:32]}{picture.suffix.lower()}"
    return teller.retry(lambda: client.upload(picture, name=name, subfolder=SERVER_FOLDER)).input_value


def _node_info(client: ComfyUIClient, workflow: WorkflowGraph, teller: RenderReporter) -> ObjectInfo:
    return teller.retry(lambda: client.catalogue.get_class_info(node_classes(workflow.graph)))


def _cannot_run(client: ComfyUIClient, workflow: WorkflowGraph, findings: list[GraphFinding]) -> ComfyUIError:
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return ComfyUIError(
        FAULT_BY_FINDING.get(first.code, ComfyUIFault.REFUSED),
        f"The workflow {workflow.name} cannot run on {client.url}: {first}{more}",
        details={"findings": [str(finding) for finding in findings]},
    )
