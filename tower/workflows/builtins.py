"""The workflows that come with Tower, read from the JSON files of the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from tower.workflows.bindings import bindings_from_json
from tower.workflows.graph import WorkflowGraph

# Of a shot that names no workflow: without a reference picture, with one, and close to it in a professional generation.
TEXT_WORKFLOW, REFERENCE_WORKFLOW, CLOSE_REFERENCE_WORKFLOW = "animatediff", "anime_character_v2", "img2img_reference"
DEFAULT_WORKFLOWS = (TEXT_WORKFLOW, REFERENCE_WORKFLOW, CLOSE_REFERENCE_WORKFLOW)


@dataclass(frozen=True)
class BuiltinWorkflow:
    """A built-in workflow.

    `needs`: node packs and model files. `without_reference`: the workflow to use if there is no reference picture.
    `makes_still`: it makes a picture, so it is of no use for shots.
    """

    workflow: WorkflowGraph
    description: str
    needs: Mapping[str, list[str]]
    without_reference: str | None = None
    makes_still: bool = False


@cache
def builtin_workflows() -> Mapping[str, BuiltinWorkflow]:
    """The built-in workflows by name."""
    folder = files("tower.workflows") / "builtin"
    read = [_read(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    return MappingProxyType(
        {builtin.workflow.name: builtin for builtin in sorted(read, key=lambda builtin: builtin.workflow.name)}
    )


def _read(text: str) -> BuiltinWorkflow:
    data = json.loads(text)
    return BuiltinWorkflow(
        WorkflowGraph(data["name"], data["version"], data["graph"], bindings_from_json(data["bindings"])),
        data["description"],
        MappingProxyType(data["needs"]),
        data.get("without_reference"),
        data.get("makes_still", False),
    )
