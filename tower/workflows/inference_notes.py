"""Collects the results of the searches through a graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tower.workflows.nodes import Graph


@dataclass
class InferenceNotes:
    """The inputs found for each name, as (node, input), with the reason; and the reasons for names without any.

    The first reason for a name is kept.
    """

    graph: Graph
    found: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def note_found(self, name: str, holders: Iterable[tuple[str, str] | None], why: str) -> None:
        for holder in holders:
            if holder is not None and holder not in self.found.setdefault(name, []):
                self.found[name].append(holder)
                self.reasons.setdefault(name, why)

    def note_missing(self, name: str, why: str) -> None:
        self.missing.setdefault(name, why)
