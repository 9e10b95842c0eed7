"""Walks a graph backwards, from its outputs to their sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tower.workflows.nodes import Link
from tower.workflows.tracing import Trail, chosen_branch, trace_value
from tower.workflows.wires import GraphWires


@dataclass(frozen=True)
class GraphPaths(GraphWires):
    """The paths through a graph as it runs: of a switch, the branch that is on. Every walk ends, even in cycles."""

    def links(self, node: str) -> dict[str, Link]:
        """The links into a node by input, without the branches of a switch that are off."""
        branches, chosen = chosen_branch(self, node)
        off = branches - {chosen} if chosen else frozenset()
        return {name: link for name, link in self.wired(node).items() if name not in off}

    def links_of_type(self, node: str, *kinds: str) -> list[Link]:
        """The links into a node that have one of these types."""
        return [link for link in self.links(node).values() if self.link_type(link) in kinds]

    def walk_upstream(self, start: str, *kinds: str) -> Iterator[str]:
        """The node and all nodes before it, the nearest first, over links of these types or, without types, of any."""
        return self.walk_where(start, lambda kind: not kinds or kind in kinds)

    def walk_where(self, start: str, follows: Callable[[str], bool]) -> Iterator[str]:
        """The node and all nodes before it, the nearest first, over links whose type is to be followed."""
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop(0)
            yield node
            for link in self.links(node).values():
                if link.source not in seen and follows(self.link_type(link)):
                    seen.add(link.source)
                    waiting.append(link.source)

    def find_nearest(self, start: str, predicate: Callable[[str], bool], *kinds: str) -> str | None:
        return next((node for node in self.walk_upstream(start, *kinds) if predicate(node)), None)

    def trail(self, node: str, name: str) -> Trail:
        """Where the value of an input comes from."""
        return trace_value(self, node, name)

    def value_holder(self, node: str, name: str) -> tuple[str, str] | None:
        """The node and input that hold the value of an input: itself, or the constant behind its wire."""
        return self.trail(node, name).holder
