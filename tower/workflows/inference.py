"""Infers which inputs of a graph take prompt, seed, size and so on, by its links and not by the names of nodes."""

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
    """The inputs bound to one name, the present value of the first, and the reason for the choice."""

    bindings: tuple[Binding, ...]
    value: Any
    why: str


@dataclass(frozen=True)
class Inference:
    """The bindings that were found, and the reason for each that was not."""

    found: dict[str, Found]
    missing: dict[str, str]

    @property
    def bindings(self) -> dict[str, list[Binding]]:
        return {name: list(found.bindings) for name, found in self.found.items()}


def infer(graph: Graph, info: ObjectInfo) -> Inference:
    """Infer bindings by following links back from the output nodes.

    `info`: the server's /object_info, at least for the graph's classes.
    """
    paths, notes = Paths(graph, info), Notes(graph)
    saved = output_nodes(graph, info)
    samplers = samplers_of(paths, saved)
    find_saving(paths, notes, saved)
    if samplers:
        find_sampling(paths, notes, samplers)
        find_texts(paths, notes, samplers)
    find_pictures(paths, notes, samplers, saved)
    default_reason = "no sampler leads to an output" if not samplers else "no node before an output has such an input"
    found = {name: _found(notes, name) for name in BINDABLE if notes.found.get(name)}
    missing = {name: notes.missing.get(name, default_reason) for name in BINDABLE if name not in found}
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
