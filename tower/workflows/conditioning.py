"""Finds the text inputs behind a sampler's positive and negative input."""

from __future__ import annotations

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.nodes import Link, class_of
from tower.workflows.paths import GraphPaths

ZERO_OUT_CLASS = "ConditioningZeroOut"  # discards its text, so the search ends there


def find_text_bindings(paths: GraphPaths, notes: InferenceNotes, samplers: list[str]) -> None:
    """Note the texts of the prompt (input `positive` or the only conditioning) and of the negative prompt."""
    for sampler in samplers:
        link = paths.source_link(sampler, "guider")
        node = link.source if link else sampler
        positive = "positive" if paths.has_inputs(node, "positive") else "conditioning"
        for name, input_name in (("prompt", positive), ("negative", "negative")):
            _find_text(paths, notes, name, paths.source_link(node, input_name))


def _find_text(paths: GraphPaths, notes: InferenceNotes, name: str, link: Link | None) -> None:
    if link is None:
        notes.note_missing(name, "nothing is wired to that input of the sampler")
        return
    encoders = _encoders(paths, link, set())
    if not encoders:
        notes.note_missing(name, "no text is encoded on the way to the sampler")
        return
    used = set(notes.found.get("prompt", ())) if name == "negative" else set()
    holders = [holder for holder in _texts(paths, encoders[0]) if holder not in used]
    if not holders:
        notes.note_missing(name, "it is made of the prompt itself")
    others = f" (node {', '.join(encoders[1:])} is combined with it and stays unchanged)" if encoders[1:] else ""
    side = "positive" if name == "prompt" else "negative"
    notes.note_found(name, holders, f"encoded for the {side} input of the sampler{others}")


def _encoders(paths: GraphPaths, link: Link, seen: set[Link]) -> list[str]:
    """The nodes that encode text into conditioning, followed through nodes that combine or change it."""
    node = link.source
    if link in seen or class_of(paths.graph, node) == ZERO_OUT_CLASS:
        return []
    seen.add(link)
    if _texts(paths, node):
        return [node]
    return [encoder for before in _conditioning_sources(paths, link) for encoder in _encoders(paths, before, seen)]


def _conditioning_sources(paths: GraphPaths, link: Link) -> list[Link]:
    """The conditionings that an output is made of. A node with equally many inputs (ControlNet, …) keeps them apart."""
    incoming = paths.links_of_type(link.source, "CONDITIONING")
    node_class = class_of(paths.graph, link.source)
    outgoing = [i for i, kind in enumerate(paths.info.get(node_class, {}).get("output", ())) if kind == "CONDITIONING"]
    if len(outgoing) == len(incoming) > 1:
        sided = [paths.source_link(link.source, side) for side in ("positive", "negative")]
        pair = [found for found in sided if found] if all(sided) else incoming
        return [pair[outgoing.index(link.slot)]]
    return incoming


def _texts(paths: GraphPaths, node: str) -> list[tuple[str, str]]:
    """The inputs that hold a text encoder's text: its multi-line inputs, or those of constants wired to them."""
    specs = paths.specs(node)
    if "CLIP" not in {spec.kind for spec in specs.values()}:
        return []
    names = [spec.name for spec in specs.values() if spec.kind == "STRING" and spec.options.get("multiline")]
    return [holder for name in names if (holder := paths.value_holder(node, name))]
