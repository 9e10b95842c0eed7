"""A ComfyUI graph, and what may be set in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Binding:
    """An input of a node of a workflow graph."""

    node: str
    input: str


@dataclass(frozen=True)
class WorkflowGraph:
    """A graph in ComfyUI's API format, and which inputs take prompt, seed, steps, size, …; each may be several."""

    name: str
    version: int
    graph: dict[str, Any]
    bindings: dict[str, list[Binding]]
