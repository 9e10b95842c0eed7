"""A ComfyUI graph and its bindings."""

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
    """A graph in ComfyUI's API format. `bindings`: the inputs that take prompt, seed, steps, size and so on."""

    name: str
    version: int
    graph: dict[str, Any]
    bindings: dict[str, list[Binding]]
