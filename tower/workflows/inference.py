"""Infers which inputs of a graph take prompt, seed, size and so on, by its links and not by the names of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tower.workflows.conditioning import find_text_bindings
from tower.workflows.graph import Binding
from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.nodes import Graph, ObjectInfo, class_of, inputs_of, output_nodes
from tower.workflows.output_bindings import find_output_bindings
from tower.workflows.paths import GraphPaths
from tower.workflows.pictures import find_picture_bindings
from tower.workflows.sampling import find_samplers, find_sampling_bindings

BINDING_NAMES = (
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
class InferredBinding:
    """The inputs bound to one name, the present value of the first, and the reason for the choice."""

    bindings: tuple[Binding, ...]
    value: Any
    why: str


@dataclass(frozen=True)
class Inference:
    """The bindings that were found, and the reason for each that was not."""

    found: dict[str, InferredBinding]
    missing: dict[str, str]

    @property
    def bindings(self) -> dict[str, list[Binding]]:
        return {name: list(found.bindings) for name, found in self.found.items()}


def infer_bindings(graph: Graph, info: ObjectInfo) -> Inference:
    """Infer bindings by following links back from the output nodes.

    `info`: the server's /object_info, at least for the graph's classes.
    """
    paths, notes = GraphPaths(graph, info), InferenceNotes(graph)
    saved = output_nodes(graph, info)
    samplers = find_samplers(paths, saved)
    find_output_bindings(paths, notes, saved)
    if samplers:
        find_sampling_bindings(paths, notes, samplers)
        find_text_bindings(paths, notes, samplers)
    find_picture_bindings(paths, notes, samplers, saved)
    default_reason = "no sampler leads to an output" if not samplers else "no node before an output has such an input"
    found = {name: _found(notes, name) for name in BINDING_NAMES if notes.found.get(name)}
    missing = {name: notes.missing.get(name, default_reason) for name in BINDING_NAMES if name not in found}
    return Inference(found, missing)


def _found(notes: InferenceNotes, name: str) -> InferredBinding:
    holders = notes.found[name]
    node, key = holders[0]
    others = ", ".join(f"node {other} ({class_of(notes.graph, other)})" for other, _ in holders)
    return InferredBinding(
        tuple(Binding(node, key) for node, key in holders),
        inputs_of(notes.graph, node).get(key),
        f"{notes.reasons[name]}: {others}",
    )
