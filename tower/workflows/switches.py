"""Nodes that pass one of several inputs on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tower.workflows.nodes import WIDGETS, InputSpec, inputs_of, link_of
from tower.workflows.wires import ANY_KINDS, GraphWires

SWITCH_WORDS = (
    "switch",
    "select",
    "ifelse",
    "if else",
    "if_else",
    "conditional",
    "branch",
    "choose",
    "mux",
    "coalesce",
)
SELECTOR_NAMES = ("switch", "select", "selector", "index", "condition", "cond", "boolean", "bool", "input", "choice")
TRUE_WORDS = frozenset({"true", "tt", "then", "yes"})
FALSE_WORDS = frozenset({"false", "ff", "else", "no"})


@dataclass(frozen=True)
class Switch:
    """A node that passes one of its `branches` on. Without a `selector` it takes the first that is wired."""

    branches: tuple[str, ...]
    wired: frozenset[str]
    selector: str | None

    def choose(self, value: object) -> str | None:
        """The input that is passed on for this value of the selector; None if unknown."""
        if self.selector is None:
            return next((name for name in self.branches if name in self.wired), None)
        match value:
            case bool():
                words = TRUE_WORDS if value else FALSE_WORDS
                fitting = [name for name in self.branches if words & set(re.split(r"[^a-z]+", name.lower()))]
            case int() | str():
                wanted = _last_number(str(value))
                fitting = [name for name in self.branches if name == value] or [
                    name for name in self.branches if wanted is not None and _last_number(name) == wanted
                ]
            case _:
                fitting = []
        return fitting[0] if len(fitting) == 1 else None


def find_switch(wires: GraphWires, node: str) -> Switch | None:
    """The node as a switch; None if it is none.

    A switch is known by what it takes and gives: several inputs of the type of its output and a selector. Its name is
    a second witness, for those whose selector is not among the inputs that the server describes.
    """
    outputs, specs, wired = wires.outputs(node), wires.specs(node), wires.wired(node)
    if not outputs:
        return None
    kind = outputs[0]
    selector = next((spec for spec in specs.values() if _is_selector(spec, kind)), None)
    name = wires.class_of(node).lower()
    is_named = any(word in name for word in SWITCH_WORDS)
    branches = [spec.name for spec in specs.values() if spec is not selector and _fits(spec.kind, kind)]
    branches += [extra for extra in wired if extra not in specs]
    others = [spec.name for spec in specs.values() if spec is not selector and spec.name not in branches]
    is_either_or = selector is not None and selector.kind == "BOOLEAN" and len(branches) == 2 and not others
    if len(branches) < 2 or not (is_named or is_either_or or (selector and kind in ANY_KINDS)):
        return None
    return Switch(tuple(branches), frozenset(wired), selector.name if selector else None)


def is_literal(wires: GraphWires, node: str, name: str) -> bool:
    """Whether the graph gives the input a plain value."""
    given = inputs_of(wires.graph, node)
    return name in given and link_of(given[name]) is None


def _is_selector(spec: InputSpec, kind: str) -> bool:
    return spec.kind in WIDGETS - {"FLOAT", "STRING"} and (spec.kind != kind or spec.name.lower() in SELECTOR_NAMES)


def _fits(kind: str, output: str) -> bool:
    return kind in ANY_KINDS if output in ANY_KINDS else kind in (output, *ANY_KINDS)


def _last_number(name: str) -> int | None:
    digits = re.search(r"(\d+)\D*$", name)
    return int(digits[1]) if digits else None
