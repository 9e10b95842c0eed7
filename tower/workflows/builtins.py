"""The workflows that come with Tower, read from the JSON files of the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from tower.workflows.bindings import from_json
from tower.workflows.graph import WorkflowGraph


@dataclass(frozen=True)
class Builtin:
    """A shipped workflow. `needs`: node packs and model files; `without_reference`: what to use without a picture."""

    workflow: WorkflowGraph
    description: str
    needs: Mapping[str, list[str]]
    without_reference: str | None = None


@cache
def builtins() -> Mapping[str, Builtin]:
    """By name."""
    folder = files("tower.workflows") / "builtin"
    read = [_read(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    return MappingProxyType({one.workflow.name: one for one in sorted(read, key=lambda one: one.workflow.name)})


def _read(text: str) -> Builtin:
    said = json.loads(text)
    return Builtin(
        WorkflowGraph(said["name"], said["version"], said["graph"], from_json(said["bindings"])),
        said["description"],
        MappingProxyType(said["needs"]),
        said.get("without_reference"),
    )
