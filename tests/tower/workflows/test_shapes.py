"""No shape of JSON at any place of a graph raises; it is a graph, or there are findings."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.tower.workflows.test_pack_nodes import INFO, PLAIN
from tower.workflows.bindings import bind_values
from tower.workflows.checking import check_graph
from tower.workflows.defaults import fill_defaults
from tower.workflows.graph import WorkflowGraph
from tower.workflows.inference import infer_bindings
from tower.workflows.shapes import shape_findings

SHAPES: list[Any] = [
    *(None, True, 0, -1, 1.5, "", "text", [], {}, ["5", 0], ["5", 99], ["5", -1], [5, 0], ["5", True], ["5"]),
    *(["no", 0], [["5", 0]], {"a": None}, [None], {"class_type": None}, {"nodes": [], "links": []}),
]
PLACES = [
    *((), ("5",), ("5", "class_type"), ("5", "inputs"), ("5", "inputs", "seed"), ("5", "inputs", "model")),
    *(("5", "inputs", "positive"), ("2", "inputs", "text"), ("4", "inputs", "width"), ("4", "inputs", "batch_size")),
    *(("7", "_meta"), ("7", "inputs", "unheard"), ("new",)),
]
DESCRIBED = [
    *(
        (),
        ("Sampler",),
        ("Sampler", "input"),
        ("Sampler", "input", "required"),
        ("Sampler", "input", "required", "seed"),
    ),
    *(("Sampler", "output"), ("Decode", "output_name"), ("Sampler", "input", "optional"), ("Save", "output_node")),
]


def placed(start: Any, place: tuple[str, ...], shape: Any) -> Any:
    if not place:
        return shape
    copied = copy.deepcopy(start)
    inner = copied
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = shape
    return copied


def use(graph: Any, info: Any) -> None:
    """Everything that is done with a graph."""
    if shape_findings(graph):
        return
    full = fill_defaults(graph, info)
    check_graph(full, info)
    bindings = infer_bindings(graph, info).bindings
    values = {"prompt": "a", "steps": 2, "width": 64, "frames": 9, "seed": 1}
    bind_values(WorkflowGraph("x", 1, graph, bindings), values, graph=full, info=info)


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_every_shape_at_every_place_of_a_graph(place: tuple[str, ...]) -> None:
    for shape in SHAPES:
        graph = placed(PLAIN, place, shape)
        if isinstance(graph, dict):
            use(graph, INFO)


@pytest.mark.parametrize("place", DESCRIBED, ids=".".join)
def test_every_shape_at_every_place_of_the_servers_description(place: tuple[str, ...]) -> None:
    for shape in SHAPES:
        info = placed(INFO, place, shape)
        if isinstance(info, dict):
            use(PLAIN, info)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ({}, "The graph is empty"),
        ({"nodes": [], "links": []}, "as ComfyUI's editor saves it"),
        ({"version": 1}, "Node version has no class_type: it is a number, not a node"),
        ({"1": {"class_type": "A", "inputs": []}}, "The inputs of node 1 are a list, not an object"),
        ({"1": {"class_type": "A", "inputs": None}}, "The inputs of node 1 are null"),
        ({"1": {"class_type": "A", "inputs": "x"}}, "The inputs of node 1 are a text"),
        ({"1": {"class_type": None}}, "Node 1 has no class_type"),
        ({"1": {"class_type": "A"}, "2": {"class_type": None}}, "Node 2 has no class_type"),
        ({str(number): {"class_type": "A"} for number in range(2001)}, "The graph has 2001 nodes"),
    ],
)
def test_what_is_wrong_with_the_shape_is_said(graph: dict[str, Any], message: str) -> None:
    [finding] = shape_findings(graph)
    assert message in finding.message
    assert finding.mend


def test_values_that_are_nested_too_deep_are_refused() -> None:
    deep: Any = 1
    for _ in range(3000):
        deep = [deep]
    [finding] = shape_findings({"1": {"class_type": "A", "inputs": {"x": deep}}})
    assert "nested more than 50 deep" in finding.message
