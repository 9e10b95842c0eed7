"""Takes nodes out of a graph that exist only in ComfyUI's editor. Its own exports leave them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tower.workflows.findings import GraphFinding, GraphFindingCode
from tower.workflows.nodes import class_of, inputs_of, link_of

NOTES = frozenset({"Note", "MarkdownNote", "Label (rgthree)", "Bookmark (rgthree)"})
PASSES_ON = frozenset({"Reroute", "PrimitiveNode", "Reroute (rgthree)"})
GROUP_SWITCHES = frozenset({"Fast Groups Bypasser (rgthree)", "Fast Groups Muter (rgthree)"})
EDITOR_NODES = NOTES | PASSES_ON | GROUP_SWITCHES | {"GetNode", "SetNode"}


def without_editor_nodes(graph: Mapping[str, Any]) -> tuple[dict[str, Any], list[GraphFinding]]:
    """The graph without notes, and with what a Reroute or PrimitiveNode passes on in its place; and what was done.

    A node that passes on nothing, or several values, stays.
    """
    passed = {node: value for node in graph if class_of(graph, node) in PASSES_ON for value in _passed_on(graph, node)}
    dropped = {node for node in graph if class_of(graph, node) in NOTES | GROUP_SWITCHES} | passed.keys()
    if not dropped:
        return dict(graph), []
    kept = {node: _rewired(graph[node], passed) for node in graph if node not in dropped}
    return kept, [_finding(graph, node) for node in sorted(dropped)]


def _passed_on(graph: Mapping[str, Any], node: str) -> list[Any]:
    """The only value that a node passes on, as a list of one, followed through others of its kind."""
    seen: set[str] = set()
    while node not in seen:
        seen.add(node)
        values = list(inputs_of(graph, node).values())
        if len(values) != 1:
            return []
        link = link_of(values[0])
        if link is None or link.source not in graph or class_of(graph, link.source) not in PASSES_ON:
            return values
        node = link.source
    return []


def _rewired(node: Mapping[str, Any], passed: Mapping[str, Any]) -> dict[str, Any]:
    inputs = node.get("inputs")
    if not isinstance(inputs, Mapping):
        return dict(node)
    return {**node, "inputs": {name: _value(value, passed) for name, value in inputs.items()}}


def _value(value: Any, passed: Mapping[str, Any]) -> Any:
    link = link_of(value)
    return passed[link.source] if link is not None and link.source in passed else value


def _finding(graph: Mapping[str, Any], node: str) -> GraphFinding:
    name = class_of(graph, node)
    done = "it was left out" if name not in PASSES_ON else "its wire was joined"
    return GraphFinding(
        GraphFindingCode.EDITOR_NODE,
        f"{name} exists only in ComfyUI's editor: {done}",
        "Nothing needs to be done",
        fatal=False,
        node=node,
        node_class=name,
    )
