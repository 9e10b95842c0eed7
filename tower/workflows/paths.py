"""Walking a graph against the flow, from what is saved to what it is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tower.workflows.nodes import (
    MATCHED,
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
class Paths:
    """The wires of one graph on one server. Every walk ends, in a graph with cycles too."""

    graph: Graph
    info: ObjectInfo

    def specs(self, node: str) -> dict[str, InputSpec]:
        return specs_of(self.info, class_of(self.graph, node), inputs_of(self.graph, node))

    def has(self, node: str, *names: str) -> bool:
        """Whether the node takes all these inputs."""
        return set(names) <= (self.specs(node).keys() | inputs_of(self.graph, node).keys())

    def source(self, node: str, name: str) -> Link | None:
        """Where this input comes from, if it is wired to a node of the graph."""
        link = link_of(inputs_of(self.graph, node).get(name))
        return link if link is not None and link.source in self.graph else None

    def kind(self, link: Link) -> str:
        """The type that flows through a wire; empty if the server does not know the class."""
        for _ in self.graph:
            said = self._said(link)
            if said != MATCHED:
                return said
            specs = self.specs(link.source)
            taken = [
                into
                for name, into in links_of(self.graph, link.source)
                if name in specs and specs[name].kind == MATCHED
            ]
            if not taken:
                return "*"
            link = taken[0]
        return ""

    def feeds(self, node: str, *kinds: str) -> list[Link]:
        """The wired inputs of a node through which one of these types flows."""
        return [link for _, link in links_of(self.graph, node) if self.kind(link) in kinds]

    def upstream(self, start: str, *kinds: str) -> Iterator[str]:
        """The node and all before it, the nearest first, over wires of these types only; of any if none are named."""
        seen, waiting = {start}, [start]
        while waiting:
            node = waiting.pop(0)
            yield node
            for _, link in links_of(self.graph, node):
                if link.source not in seen and (not kinds or self.kind(link) in kinds):
                    seen.add(link.source)
                    waiting.append(link.source)

    def nearest(self, start: str, wanted: Callable[[str], bool], *kinds: str) -> str | None:
        return next((node for node in self.upstream(start, *kinds) if wanted(node)), None)

    def holder(self, node: str, name: str) -> tuple[str, str] | None:
        """The node and input that hold the value of an input: its own, or that of the constant wired to it."""
        if name not in inputs_of(self.graph, node):
            return None
        link = self.source(node, name)
        if link is None:
            return node, name
        values = {key: value for key, value in inputs_of(self.graph, link.source).items() if link_of(value) is None}
        named = [key for key in ("value", "text", "string", "int", "float", name) if key in values]
        return (link.source, named[0]) if named else None

    def _said(self, link: Link) -> str:
        """The type of an output as its class says it."""
        outputs = outputs_of(self.info, class_of(self.graph, link.source))
        return str(outputs[link.slot]) if 0 <= link.slot < len(outputs) else ""
