"""The wires of a graph, and the types that a server gives to both of their ends."""

from __future__ import annotations

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
    mapping_of,
    outputs_of,
    specs_of,
)

ANY_KINDS = ("*", MATCH_TYPE)


@dataclass(frozen=True)
class GraphWires:
    """The nodes and links of one graph on one server."""

    graph: Graph
    info: ObjectInfo

    def class_of(self, node: str) -> str:
        return class_of(self.graph, node)

    def name_of(self, node: str) -> str:
        """The node as a sentence names it."""
        return f"node {node} ({self.class_of(node)})"

    def specs(self, node: str) -> dict[str, InputSpec]:
        return specs_of(self.info, self.class_of(node), inputs_of(self.graph, node))

    def has_inputs(self, node: str, *names: str) -> bool:
        """Whether the node has all these inputs."""
        return set(names) <= (self.specs(node).keys() | inputs_of(self.graph, node).keys())

    def wired(self, node: str) -> dict[str, Link]:
        """The links into a node by input, also into inputs that the server does not describe."""
        return dict(links_of(self.graph, node))

    def source_link(self, node: str, name: str) -> Link | None:
        """The link of this input; None if it is not wired to a node of the graph."""
        link = link_of(inputs_of(self.graph, node).get(name))
        return link if link is not None and link.source in self.graph else None

    def outputs(self, node: str) -> list[str]:
        """The type of each output slot."""
        return [str(kind) for kind in outputs_of(self.info, self.class_of(node))]

    def output_names(self, node: str) -> list[str]:
        """The name of each output slot in lower case; empty if the server gives none."""
        names = mapping_of(self.info.get(self.class_of(node))).get("output_name")
        return [str(name).lower() for name in names] if isinstance(names, list) else []

    def link_type(self, link: Link) -> str:
        """The type of a link; empty if the server does not know the class."""
        for _ in self.graph:
            outputs = self.outputs(link.source)
            declared = outputs[link.slot] if 0 <= link.slot < len(outputs) else ""
            if declared != MATCH_TYPE:
                return declared
            specs = self.specs(link.source)
            matched = [
                source
                for name, source in self.wired(link.source).items()
                if name in specs and specs[name].kind == MATCH_TYPE
            ]
            if not matched:
                return "*"
            link = matched[0]
        return ""
