"""Checks the shape of the JSON that is submitted as a graph. Everything after it relies on this shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.unwrapping import is_editor_format

MAX_NODES, MAX_DEPTH = 2000, 50
EXPORT = "Export it with Workflow → Export (API)"
NOT_EXPORTED = (
    "The editor writes none for a node whose pack it lacks: install it there and export again, or remove the node"
)


def shape_findings(graph: Mapping[str, Any]) -> list[GraphFinding]:
    """What keeps the JSON from being a graph; empty if it is one."""
    if is_editor_format(graph):
        return [_no_graph("This is a workflow as ComfyUI's editor saves it, not in the API format", EXPORT)]
    if not graph:
        return [_no_graph("The graph is empty", EXPORT)]
    if len(graph) > MAX_NODES:
        return [_no_graph(f"The graph has {len(graph)} nodes", f"Use at most {MAX_NODES} nodes")]
    is_other = not any(isinstance(node, Mapping) and "class_type" in node for node in graph.values())
    remedy = EXPORT if is_other else NOT_EXPORTED
    return [finding for node, content in graph.items() for finding in _node_findings(node, content, remedy)]


def _node_findings(node: str, content: Any, remedy: str) -> Iterator[GraphFinding]:
    name = node if len(node) <= 80 else f"{node[:80]}…"
    if not isinstance(content, Mapping):
        yield _no_graph(f"Node {name} has no class_type: it is {_kind(content)}, not a node", remedy, node)
    elif not isinstance(content.get("class_type"), str) or not content["class_type"]:
        yield _no_graph(f"Node {name} has no class_type", remedy, node)
    elif not isinstance(content.get("inputs", {}), Mapping):
        kind = _kind(content["inputs"])
        yield _no_graph(f"The inputs of node {name} are {kind}, not an object", "Write them by name", node)
    elif _depth(content) > MAX_DEPTH:
        message = f"Node {name} has values nested more than {MAX_DEPTH} deep"
        yield _no_graph(message, "Take the nested values out", node)


def _no_graph(message: str, remedy: str, node: str | None = None) -> GraphFinding:
    return GraphFinding(GraphFindingCode.NOT_A_GRAPH, message, remedy, node=node)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool() | int() | float():
            return "a number" if not isinstance(value, bool) else "true or false"
        case str():
            return "a text"
        case _:
            return "a list"


def _depth(value: Any) -> int:
    """How deep the value is nested, counted up to one more than is allowed."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [inner for outer in level for inner in _inside(outer)]
    return depth


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
