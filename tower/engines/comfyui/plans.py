"""From a shot to the graph that is sent: filled in, and checked against this server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, Fault
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill
from tower.engines.comfyui.progress import Teller
from tower.media.files import sha256_of
from tower.workflows.bindings import bound, put
from tower.workflows.builtins import builtins
from tower.workflows.checking import check, fatal, node_classes
from tower.workflows.findings import Finding, FindingCode
from tower.workflows.graph import WorkflowGraph
from tower.workflows.nodes import ObjectInfo

FOLDER = "tower"  # ours below the server's input and output folders
SMALLEST_WINDOW = 8  # frames; motion modules make no motion of fewer
FAULTS = {FindingCode.MISSING_NODE: Fault.MISSING_NODE, FindingCode.MISSING_MODEL: Fault.MISSING_MODEL}


@dataclass(frozen=True)
class Plan:
    """What to run. `window`: frames that the motion model takes at once, and their overlap; None as in the graph."""

    workflow: WorkflowGraph
    shot: Shot
    info: ObjectInfo
    reference_name: str | None = None
    window: tuple[int, int] | None = None

    def graph(self, run_id: str) -> dict[str, Any]:
        """Saves under the id of the run: no two runs can meet in a file, nor be given each other's out of the cache."""
        prefix = f"{FOLDER}/{run_id}"
        info, reference = self.info, self.reference_name
        graph = fill(self.workflow, self.shot, prefix=prefix, reference_name=reference, info=info)
        if self.window is None:
            return graph
        length, overlap = self.window
        return put(self.workflow, {"context_length": length, "context_overlap": overlap}, graph=graph, info=info)


def plan_for(client: ComfyUIClient, shot: Shot, teller: Teller) -> Plan:
    """Raises ComfyUIError if the shot cannot be drawn like this on this server, with the mend."""
    workflow, picture = _workflow(shot, teller)
    reference = _uploaded(client, picture, teller) if picture else None
    plan = Plan(workflow, shot, _info(client, workflow, teller), reference)
    findings = fatal(check(plan.graph(FOLDER), plan.info))
    if findings:  # what is missing may have been installed since the server was asked
        client.catalogue.forget()
        plan = replace(plan, info=_info(client, workflow, teller))
        findings = fatal(check(plan.graph(FOLDER), plan.info))
    if findings:
        raise _impossible(client, workflow, findings)
    return plan


def smaller(plan: Plan) -> tuple[Plan, str]:
    """The same plan with a smaller window of frames, where its graph has one to set, and the change in words."""
    graph = plan.graph(FOLDER)
    length, overlap = (bound(plan.workflow, f"context_{name}", graph) for name in ("length", "overlap"))
    if not isinstance(length, int) or length <= SMALLEST_WINDOW:
        return plan, "as it was"
    less = max(SMALLEST_WINDOW, length * 2 // 3)
    window = (less, min(overlap if isinstance(overlap, int) else 0, less // 4))
    return replace(plan, window=window), f"with a window of {less} frames instead of {length}"


def _workflow(shot: Shot, teller: Teller) -> tuple[WorkflowGraph, Path | None]:
    """The workflow and, if it takes one, the reference picture."""
    workflow = shot.graph
    if workflow is None:
        raise ComfyUIError(Fault.NO_WORKFLOW, "The shot names no workflow for ComfyUI to run; choose one")
    if not workflow.bindings.get("reference"):
        return workflow, None
    member = next((member for member in shot.cast if member.reference_image), None)
    if member is not None and member.reference_image:
        picture = Path(member.reference_image)
        if not picture.is_file():
            said = f"The reference image of {member.name} is gone: {picture}; give the character another"
            raise ComfyUIError(Fault.NO_REFERENCE, said)
        return workflow, picture
    built_in = builtins().get(workflow.name)
    if built_in is None or built_in.without_reference is None:
        said = f"The workflow {workflow.name} needs a reference image, and no character of the shot has one; add one"
        raise ComfyUIError(Fault.NO_REFERENCE, said)
    teller.remark(f"No character has a reference image: rendered with {built_in.without_reference} instead")
    return builtins()[built_in.without_reference].workflow, None


def _uploaded(client: ComfyUIClient, picture: Path, teller: Teller) -> str:
    """Named by its content, so the same picture is sent to the same place."""
    name = f"{sha256_of(picture)[:32]}{picture.suffix.lower()}"
    return teller.patiently(lambda: client.upload(picture, name=name, subfolder=FOLDER)).value


def _info(client: ComfyUIClient, workflow: WorkflowGraph, teller: Teller) -> ObjectInfo:
    return teller.patiently(lambda: client.catalogue.of_classes(node_classes(workflow.graph)))


def _impossible(client: ComfyUIClient, workflow: WorkflowGraph, findings: list[Finding]) -> ComfyUIError:
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return ComfyUIError(
        FAULTS.get(first.code, Fault.REFUSED),
        f"The workflow {workflow.name} cannot run on {client.url}: {first}{more}",
        details={"findings": [str(finding) for finding in findings]},
    )
