"""Nodes that exist only in ComfyUI's editor are taken out, and what they pass on is wired directly."""

from __future__ import annotations

from typing import Any

from tower.workflows.editor_nodes import without_editor_nodes


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


GRAPH = {
    "1": node("Loader"),
    "2": node("Reroute", **{"": ["1", 2]}),
    "3": node("Reroute", **{"": ["2", 0]}),
    "4": node("PrimitiveNode", value=20),
    "5": node("Sampler", model=["3", 0], steps=["4", 0], cfg=7),
    "6": node("MarkdownNote", text="how to use it"),
}


def test_reroutes_and_primitives_are_joined_and_notes_left_out() -> None:
    graph, findings = without_editor_nodes(GRAPH)
    assert graph == {"1": GRAPH["1"], "5": node("Sampler", model=["1", 2], steps=20, cfg=7)}
    assert [(finding.node, finding.fatal) for finding in findings] == [(n, False) for n in ("2", "3", "4", "6")]


def test_a_graph_without_them_is_unchanged() -> None:
    graph = {"1": GRAPH["1"]}
    assert without_editor_nodes(graph) == (graph, [])


def test_one_that_passes_on_nothing_or_itself_stays() -> None:
    for odd in (node("Reroute"), node("PrimitiveNode", a=1, b=2), node("Reroute", x=["2", 0])):
        graph = {"2": odd, "5": node("Sampler", model=["2", 0])}
        assert without_editor_nodes(graph) == (graph, [])
