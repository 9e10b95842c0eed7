"""Walks a graph backwards, from its outputs to their sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tower.workflows.nodes import (
    MATCH_TYPE,
    Graph,
    InputSpec,
    Link,
    ObjectInfo,
    class_of,
    inputs_of,
    link_of,
    links_of,
    outputs_of,
    specs_of,
)


@dataclass(frozen=True)
class GraphPaths:
    """The links of one graph on one server. Every walk ends, even in a graph with cycles."""

    graph: Graph
    info: ObjectInfo

    def specs(self, node: str) -> dict[str, InputSpec]:
        return specs_of(self.info, class_of(self.graph, node), inputs_of(self.graph, node))

    def has_inputs(self, node: str, *names: str) -> bool:
        """Whether the node has all these inputs."""
        return set(names) <= (self.specs(node).keys() | inputs_of(self.graph, node).keys())

    def source_link(self, node: str, name: str) -> Link | None:
        """The link of this input; None if it is not wired to a node of the graph."""
        link = link_of(inputs_of(self.graph, node).get(name))
        return link if link is not None and link.source in self.graph else None

    def link_type(self, link: Link) -> str:
        """The type of a link; empty if the server does not know the class."""
        for _ in self.graph:
            declared = self._declared_kind(link)
            if declared != MATCH_TYPE:
                return declared
            specs = self.specs(link.source)
            matched = [
                source
                for name, source in links_of(self.graph, link.source)
                if name in specs and specs[name].kind == MATCH_TYPE
            ]
            if not matched:
                return "*"
            link = matched[0]
        return ""

    def links_of_type(self, node: str, *kinds: str) -> list[Link]:
        """The links into a node that have one of these types."""
        return [link for _, link in links_of(self.graph, node) if self.link_type(link) in kinds]

    def walk_upstream(self, start: str, *kinds: str) -> Iterator[str]:
        """The node and all nodes before it, the nearest first, over links of these types or, without types, of any."""
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop(0)
            yield node
            for _, link in links_of(self.graph, node):
                if link.source not in seen and (not kinds or self.link_type(link) in kinds):
                    seen.add(link.source)
                    waiting.append(link.source)

    def find_nearest(self, start: str, predicate: Callable[[str], bool], *kinds: str) -> str | None:
        return next((node for node in self.walk_upstream(start, *kinds) if predicate(node)), None)

    def value_holder(self, node: str, name: str) -> tuple[str, str] | None:
        """The node and input that hold the value of an input: itself, or the constant that is wired to it."""
        if name not in inputs_of(self.graph, node):
            return None
        link = self.source_link(node, name)
        if link is None:
            return node, name
        values = {key: value for key, value in inputs_of(self.graph, link.source).items() if link_of(value) is None}
        named = [key for key in ("value", "text", "string", "int", "float", name) if key in values]
        return (link.source, named[0]) if named else None

    def _declared_kind(self, link: Link) -> str:
        """The type that the class declares for an output."""
        outputs = outputs_of(self.info, class_of(self.graph, link.source))
        return str(outputs[link.slot]) if 0 <= link.slot < len(outputs) else ""
