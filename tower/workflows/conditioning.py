"""Finds the text inputs behind a sampler's positive and negative input."""

from __future__ import annotations

import re

from tower.workflows.inference_notes import InferenceNotes
from tower.workflows.kinds import carries_text
from tower.workflows.nodes import Link, inputs_of, link_of
from tower.workflows.paths import GraphPaths

ZERO_OUT_CLASS = "ConditioningZeroOut"  # discards its text, so the search ends there
SIDE_INPUTS = {
    "prompt": ("positive", "conditioning", "cond1", "positive_cond", "positive_conditioning", "pos"),
    "negative": ("negative", "negative_cond", "negative_conditioning", "uncond", "neg"),
}
TEXT_NAMES = ("text", "prompt", "positive", "negative", "positive_prompt", "negative_prompt", "text_g", "text_l")
SCHEDULE = re.compile(r"""^\s*["']?\d+["']?\s*:\s*["']""", re.MULTILINE)
SCHEDULE_FORM = """a schedule like "0": "a girl", "24": "a boy" """.strip()


def find_text_bindings(paths: GraphPaths, notes: InferenceNotes, samplers: list[str]) -> None:
    """Note the texts of the prompt (input `positive` or the only conditioning) and of the negative prompt."""
    for sampler in samplers:
        guider = paths.source_link(sampler, "guider")
        node = guider.source if guider else sampler
        for side in SIDE_INPUTS:
            _find_text(paths, notes, side, node)


def is_schedule(paths: GraphPaths, node: str, name: str) -> bool:
    """Whether the input takes a schedule of prompts by frame, by its present text or the name of its class."""
    text = inputs_of(paths.graph, node).get(name)
    return "schedule" in paths.class_of(node).lower() or (isinstance(text, str) and bool(SCHEDULE.search(text)))


def _find_text(paths: GraphPaths, notes: InferenceNotes, side: str, node: str) -> None:
    links = [link for link in [_side_link(paths, node, side)] if link]
    encoders, ends = _encoders(paths, links, side) if links else ([], [])
    if not links and _texts(paths, node, side):
        encoders = [node]
    if not encoders:
        where = f"no text is encoded on the way to {paths.name_of(node)}"
        ended = f": the wire ends at {', '.join(map(paths.name_of, ends))}" if ends else ""
        notes.note_missing(side, f"{where}{ended}" if links else f"{paths.name_of(node)} takes none")
        return
    used = set(notes.found.get("prompt", ())) if side == "negative" else set()
    trails = [paths.trail(encoders[0], name) for name in _texts(paths, encoders[0], side)]
    holders = [trail.holder for trail in trails if trail.holder and trail.holder not in used]
    plain = [holder for holder in holders if not is_schedule(paths, *holder)]
    if len(plain) < len(holders):
        notes.note_missing(side, f"the text of {paths.name_of(holders[0][0])} is {SCHEDULE_FORM}, not a plain one")
        return
    if not holders:
        ended = "; ".join(trail.end for trail in trails if trail.end)
        notes.note_missing(side, ended or "it is made of the prompt itself")
    combined = f" (node {', '.join(encoders[1:])} is combined with it and stays unchanged)" if encoders[1:] else ""
    sign = "positive" if side == "prompt" else "negative"
    notes.note_found(side, holders, f"encoded for the {sign} input of the sampler{combined}")


def _side_link(paths: GraphPaths, node: str, side: str) -> Link | None:
    """The link that brings the texts of one side; of a sampler with one link for both sides, that link."""
    links = paths.links(node)
    by_name = next((links[name] for name in SIDE_INPUTS[side] if name in links), None)
    if by_name:
        return by_name
    other = "negative" if side == "prompt" else "prompt"
    encoded = [link for name, link in links.items() if name not in SIDE_INPUTS[other] and _is_text(paths, link)]
    sided = any(name in links for name in SIDE_INPUTS[other])
    return encoded[0] if encoded and not (sided and side == "negative") else None


def _is_text(paths: GraphPaths, link: Link) -> bool:
    return carries_text(paths.link_type(link))


def _encoders(paths: GraphPaths, links: list[Link], side: str) -> tuple[list[str], list[str]]:
    """The nodes that encode text, followed through nodes that combine or change it; and where the other ways end."""
    encoders: list[str] = []
    ends: list[str] = []
    seen: set[Link] = set()
    waiting = list(links)
    while waiting:
        link = waiting.pop(0)
        if link in seen:
            continue
        seen.add(link)
        if paths.class_of(link.source) == ZERO_OUT_CLASS:
            ends.append(link.source)
            continue
        if _texts(paths, link.source, side):
            encoders.append(link.source)
            continue
        before = _conditioning_sources(paths, link, side)
        ends += [] if before else [link.source]
        waiting = before + waiting
    return list(dict.fromkeys(encoders)), ends


def _conditioning_sources(paths: GraphPaths, link: Link, side: str) -> list[Link]:
    """The conditionings that an output is made of. A node with equally many inputs (ControlNet, …) keeps them apart."""
    links, kind, specs = paths.links(link.source), paths.link_type(link), paths.specs(link.source)
    takers = [name for name in links if name in specs and specs[name].kind == kind]
    incoming = [found for name, found in links.items() if name in takers or paths.link_type(found) == kind] or [
        found for found in links.values() if _is_text(paths, found)
    ]
    outgoing = [slot for slot, declared in enumerate(paths.outputs(link.source)) if declared == kind]
    pair = [links[name] for name in ("positive", "negative") if name in links]
    if len(outgoing) == len(incoming) > 1 and link.slot in outgoing:
        return [(pair if len(pair) == 2 == len(incoming) else incoming)[outgoing.index(link.slot)]]
    if len(pair) == 2 and len(outgoing) == 1:
        return [pair[0 if side == "prompt" else 1]]
    return incoming


def _texts(paths: GraphPaths, node: str, side: str) -> list[str]:
    """The inputs with the text of a text encoder for one side. Of a node that encodes both, the others are left out."""
    specs = paths.specs(node)
    if not any(spec.kind == "CLIP" for spec in specs.values()) and not any(map(carries_text, paths.outputs(node))):
        return []
    given = inputs_of(paths.graph, node)
    names = [
        spec.name
        for spec in specs.values()
        if spec.kind == "STRING"
        and spec.name in given
        and (spec.options.get("multiline") or spec.name in TEXT_NAMES or link_of(given[spec.name]))
    ]
    negative = [name for name in names if "neg" in name.lower()]
    if side == "prompt" or not negative:
        return [name for name in names if name not in negative]
    return negative
