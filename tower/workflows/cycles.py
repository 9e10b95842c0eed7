"""Whether a graph feeds on itself."""

from __future__ import annotations

from tower.workflows.findings import Finding, FindingCode
from tower.workflows.nodes import Graph, class_of, links_of


def loops(graph: Graph) -> list[Finding]:
    """A finding for the nodes that lie on a cycle or between two; empty if there is none."""
    left = _peeled(graph)
    if not left:
        return []
    names = ", ".join(f"{node} ({class_of(graph, node)})" for node in sorted(left))
    message = f"These nodes feed on their own output: {names}"
    return [Finding(FindingCode.CYCLE, message, "Cut one of the wires between them", node=min(left))]


def _peeled(graph: Graph) -> set[str]:
    """What is left when nodes that need nothing, and nodes that nothing needs, are taken away again and again."""
    needs = {node: {link.source for _, link in links_of(graph, node)} for node in graph}
    left = set(graph)
    while True:
        wanted = {source for node in left for source in needs[node] & left}
        loose = {node for node in left if not needs[node] & left or node not in wanted}
        if not loose:
            return left
        left -= loose
