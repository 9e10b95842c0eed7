"""Chooses the workflow of a shot, and the reference picture if it takes one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.engines.base import Shot
from tower.media.pictures import EXPECTED_PICTURE, is_picture
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import WorkflowGraph


@dataclass(frozen=True)
class ChosenGraph:
    """The workflow that renders a shot. `remark` says why it is not the shot's own."""

    workflow: WorkflowGraph
    picture: Path | None = None
    remark: str | None = None


def choose_graph(shot: Shot) -> ChosenGraph:
    """Choose the workflow of the shot. Raises ComfyUIError: NO_WORKFLOW, or NO_REFERENCE for one without a picture."""
    workflow = shot.graph
    if workflow is None:
        raise ComfyUIError(ComfyUIFault.NO_WORKFLOW, "The shot has no workflow for ComfyUI; choose one")
    if not workflow.bindings.get("reference"):
        return ChosenGraph(workflow)
    member = next((member for member in shot.cast if member.reference_image), None)
    if member is not None and member.reference_image:
        return ChosenGraph(workflow, _checked_picture(member.name, Path(member.reference_image)))
    built_in = builtin_workflows().get(workflow.name)
    if built_in is None or built_in.without_reference is None:
        message = f"The workflow {workflow.name} needs a reference image, and no character of the shot has one; add one"
        raise ComfyUIError(ComfyUIFault.NO_REFERENCE, message)
    other = built_in.without_reference
    remark = f"No character has a reference image: rendered with {other} instead"
    return ChosenGraph(builtin_workflows()[other].workflow, remark=remark)


def _checked_picture(name: str, picture: Path) -> Path:
    if not picture.is_file():
        message = f"The reference image of {name} is missing: {picture}; give the character another one"
        raise ComfyUIError(ComfyUIFault.NO_REFERENCE, message)
    with picture.open("rb") as file:
        if not is_picture(file):
            message = f"The reference image of {name} cannot be used: {picture} must be {EXPECTED_PICTURE}"
            raise ComfyUIError(ComfyUIFault.NO_REFERENCE, message)
    return picture
