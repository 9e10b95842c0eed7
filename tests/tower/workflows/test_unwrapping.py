"""A graph is found in what it is wrapped in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tower.workflows.unwrapping import unwrap_graph

GRAPH: dict[str, Any] = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
SAVED = {"nodes": [{"id": 1}], "links": []}


@pytest.mark.parametrize(
    ("wrapped", "path"),
    [
        (GRAPH, ""),
        ({"prompt": GRAPH, "client_id": "c"}, "prompt"),
        ({"prompt": GRAPH, "extra_data": {"extra_pnginfo": {"workflow": SAVED}}}, "prompt"),
        ({"input": {"workflow": GRAPH, "images": [{"name": "a.png"}]}}, "input.workflow"),
        ({"prompt": json.dumps(GRAPH), "workflow": json.dumps(SAVED)}, "prompt"),
        ({"9c…": {"prompt": [3, "9c…", GRAPH, {"client_id": "c"}, ["1"]], "outputs": {}}}, "9c….prompt.2"),
        ({"workflow": SAVED, "output": GRAPH}, "output"),
    ],
)
def test_a_graph_is_taken_out_of_a_request_a_metadata_block_or_a_history(wrapped: dict[str, Any], path: str) -> None:
    unwrapped = unwrap_graph(wrapped)
    assert (unwrapped.graph, unwrapped.path) == (GRAPH, path)


@pytest.mark.parametrize(
    "submitted", [{}, {"a": GRAPH, "b": GRAPH}, {"a": {"b": 1}, "c": "{"}, {"prompt": ["x", None]}]
)
def test_without_a_graph_or_with_two_it_stays_as_it_is(submitted: dict[str, Any]) -> None:
    assert unwrap_graph(submitted).graph == submitted


def test_a_workflow_in_the_editors_form_is_found_so_that_it_can_be_named() -> None:
    assert unwrap_graph({"workflow": SAVED}).graph == SAVED


def test_deep_and_wide_wrappers_end() -> None:
    deep: Any = GRAPH
    for _ in range(500):
        deep = {"input": deep}
    assert unwrap_graph(deep).path == ""
    assert unwrap_graph({str(number): [number] for number in range(20_000)}).path == ""
