"""Finds cycles in a graph."""

from __future__ import annotations

from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.nodes import Graph, class_of, links_of


def find_cycles(graph: Graph) -> list[GraphFinding]:
    """One finding with the nodes that are on a cycle or between two cycles; empty without a cycle."""
    remaining = _nodes_on_cycles(graph)
    if not remaining:
        return []
    names = ", ".join(f"{node} ({class_of(graph, node)})" for node in sorted(remaining))
    message = f"These nodes form a cycle: {names}"
    return [GraphFinding(GraphFindingCode.CYCLE, message, "Remove one of the links between them", node=min(remaining))]


def _nodes_on_cycles(graph: Graph) -> set[str]:
    """The nodes that remain after repeatedly removing nodes without inputs and nodes whose output is unused."""
    sources = {node: {link.source for _, link in links_of(graph, node)} for node in graph}
    remaining = set(graph)
    while True:
        used = {source for node in remaining for source in sources[node] & remaining}
        removable = {node for node in remaining if not sources[node] & remaining or node not in used}
        if not removable:
            return remaining
        remaining -= removable
