"""Which inputs of a graph take prompt, seed, size, …: found by following the wires, not by the names of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tower.workflows.conditioning import find_texts
from tower.workflows.graph import Binding
from tower.workflows.inference_notes import Notes
from tower.workflows.nodes import Graph, ObjectInfo, class_of, inputs_of, output_nodes
from tower.workflows.output_bindings import find_saving
from tower.workflows.paths import Paths
from tower.workflows.pictures import find_pictures
from tower.workflows.sampling import find_sampling, samplers_of

BINDABLE = (
    "prompt",
    "negative",
    "seed",
    "steps",
    "cfg",
    "sampler",
    "scheduler",
    "width",
    "height",
    "frames",
    "fps",
    "model",
    "vae",
    "reference",
    "context_length",
    "context_overlap",
    "prefix",
)


@dataclass(frozen=True)
class Found:
    """The inputs that take one thing; what the first of them holds now; and why they were taken for it."""

    bindings: tuple[Binding, ...]
    value: Any
    why: str


@dataclass(frozen=True)
class Inference:
    """What was found, and for each thing that was not, the reason."""

    found: dict[str, Found]
    missing: dict[str, str]

    @property
    def bindings(self) -> dict[str, list[Binding]]:
        return {name: list(found.bindings) for name, found in self.found.items()}


def infer(graph: Graph, info: ObjectInfo) -> Inference:
    """Follow the wires back from what is saved. `info`: the server's /object_info, of the graph's classes at least."""
    paths, notes = Paths(graph, info), Notes(graph)
    saved = output_nodes(graph, info)
    samplers = samplers_of(paths, saved)
    find_saving(paths, notes, saved)
    if samplers:
        find_sampling(paths, notes, samplers)
        find_texts(paths, notes, samplers)
    find_pictures(paths, notes, samplers, saved)
    nothing = "no sampler leads to what is saved" if not samplers else "no node on the way to what is saved takes it"
    found = {name: _found(notes, name) for name in BINDABLE if notes.found.get(name)}
    missing = {name: notes.missing.get(name, nothing) for name in BINDABLE if name not in found}
    return Inference(found, missing)


def _found(notes: Notes, name: str) -> Found:
    holders = notes.found[name]
    node, key = holders[0]
    others = ", ".join(f"node {other} ({class_of(notes.graph, other)})" for other, _ in holders)
    return Found(
        tuple(Binding(node, key) for node, key in holders),
        inputs_of(notes.graph, node).get(key),
        f"{notes.reasons[name]}: {others}",
    )
