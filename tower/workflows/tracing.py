"""Follows the wire of an input back to the node that holds its value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tower.workflows.nodes import WIDGETS, Link, inputs_of
from tower.workflows.switches import find_switch, is_literal
from tower.workflows.wires import ANY_KINDS, GraphWires

NUMBERS = frozenset({"INT", "FLOAT"})
TEXTS = frozenset({"STRING", "COMBO"})
VALUE_NAMES = ("value", "text", "string", "prompt", "int", "float", "number", "boolean", "seed", "noise_seed")
# Texts that say where something is or how texts are joined. They are not the text that the node gives.
NOT_THE_TEXT = ("path", "file", "dir", "folder", "url", "delimiter", "separator", "model", "key", "name")
# Words in the titles of texts that stay as they are when another text is joined to them.
LASTING_TITLES = ("system", "style", "prefix", "suffix", "quality", "trigger", "negative")
MAX_HOPS = 100  # nodes that a wire is followed through


@dataclass(frozen=True)
class Trail:
    """Where the wire of an input ends. `holder`: the node and input with the value; None if `end` says why not."""

    holder: tuple[str, str] | None
    end: str = ""


def trace_value(wires: GraphWires, node: str, name: str, *, through_switches: bool = True) -> Trail:
    """Follow an input through nodes that show, convert, reroute, join or choose, to the constant behind them."""
    spec = wires.specs(node).get(name)
    kind, here = spec.kind if spec else "*", (node, name)
    start = f"{name} of {wires.name_of(node)}"
    for _ in range(MAX_HOPS):
        link = wires.source_link(*here)
        if link is None:
            return _literal_trail(wires, here)
        before = _input_before(wires, link, kind, through_switches)
        if isinstance(before, str):
            return Trail(None, f"{start} gets its value from {wires.name_of(link.source)}, {before}")
        here = before
    return Trail(None, f"{start} is wired in a circle, or through more than {MAX_HOPS} nodes")


def chosen_branch(wires: GraphWires, node: str) -> tuple[frozenset[str], str | None]:
    """The branches of a switch and the one that is on, None if unknown. A node of another kind has none."""
    switch = find_switch(wires, node)
    if switch is None:
        return frozenset(), None
    value: object = None
    if switch.selector is not None:
        holder = trace_value(wires, node, switch.selector, through_switches=False).holder
        spec = wires.specs(node)[switch.selector]
        value = inputs_of(wires.graph, holder[0])[holder[1]] if holder else spec.options.get("default")
    return frozenset(switch.branches), switch.choose(value)


def _literal_trail(wires: GraphWires, here: tuple[str, str]) -> Trail:
    node, name = here
    if is_literal(wires, node, name):
        return Trail(here)
    return Trail(None, f"{name} of {wires.name_of(node)} is not set")


def _input_before(wires: GraphWires, link: Link, kind: str, through_switches: bool) -> tuple[str, str] | str:
    """The input that an output passes on; otherwise what the node does instead, as the end of a sentence."""
    node = link.source
    if wires.class_of(node) not in wires.info:
        return "which the server does not describe"
    branches, chosen = chosen_branch(wires, node) if through_switches else (frozenset[str](), None)
    if branches:
        return (node, chosen) if chosen else f"which chooses between {_listed(branches)} while it runs"
    wired = wires.wired(node)
    if not wired:
        return _constant(wires, link, kind)
    specs = wires.specs(node)
    carriers = [name for name in wired if name not in specs or _carries(specs[name].kind, kind)]
    if kind in TEXTS and len(carriers) > 1:
        carriers = _the_changing_text(wires, node, carriers)
    if len(carriers) == 1 and (kind in TEXTS or not _changes_numbers(wires, node, carriers[0])):
        return node, carriers[0]
    return f"which makes it of {_listed(wired)}"


def _constant(wires: GraphWires, link: Link, kind: str) -> tuple[str, str] | str:
    """The input that holds the value which a node without wires gives."""
    node = link.source
    widgets = [spec for spec in wires.specs(node).values() if is_literal(wires, node, spec.name)]
    widgets = [spec for spec in widgets if spec.kind in WIDGETS or spec.kind in ANY_KINDS]
    fitting = [spec.name for spec in widgets if _carries(spec.kind, kind) and not _is_place(spec.name, kind)]
    outputs = wires.output_names(node)
    own = outputs[link.slot] if 0 <= link.slot < len(outputs) > 1 else None
    if own in fitting and {spec.name for spec in widgets} <= set(outputs):
        return node, own
    named = [name for name in VALUE_NAMES if name in fitting]
    sole = fitting if len(fitting) == 1 and (kind in TEXTS or len(widgets) == 1) else []
    if found := (named or sole):
        return node, found[0]
    return f"which makes it of {_listed(spec.name for spec in widgets)}"


def _carries(found: str, wanted: str) -> bool:
    kinds = set(found.split(","))
    if wanted in ANY_KINDS or kinds & set(ANY_KINDS):
        return True
    group = next((group for group in (NUMBERS, TEXTS) if wanted in group), {wanted})
    return bool(kinds & group)


def _is_place(name: str, kind: str) -> bool:
    return kind in TEXTS and any(word in name.lower() for word in NOT_THE_TEXT)


def _changes_numbers(wires: GraphWires, node: str, carrier: str) -> bool:
    """Whether other settings of the node decide about the number too. An expression of one name alone does not."""
    given = inputs_of(wires.graph, node)
    others = [
        name for name, spec in wires.specs(node).items() if spec.kind in WIDGETS and is_literal(wires, node, name)
    ]
    if others == ["expression"]:
        return str(given["expression"]).strip() != carrier.rpartition(".")[2]
    return bool(others) or len(wires.wired(node)) > 1


def _the_changing_text(wires: GraphWires, node: str, carriers: list[str]) -> list[str]:
    """Of several texts that are joined the one that is a prompt, by the titles of the nodes that hold them."""
    wired = wires.wired(node)
    titles = {name: _title(wires, wired[name].source) for name in carriers}
    prompts = [name for name, title in titles.items() if "prompt" in title]
    return [name for name in prompts if not any(word in titles[name] for word in LASTING_TITLES)]


def _title(wires: GraphWires, node: str) -> str:
    meta = wires.graph[node].get("_meta")
    return str(meta.get("title", "")).lower() if isinstance(meta, Mapping) else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing that can be set"
