"""A shot is filled into a graph."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.fakes.comfyui.replay import load_workflow
from tests.tower.workflows.graphs import object_info_with
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill_graph
from tower.errors import InvalidError
from tower.workflows.bindings import bindings_from_json, bindings_to_json, canonical_bytes, get_bound_value
from tower.workflows.graph import Binding, WorkflowGraph
from tower.workflows.inference import infer_bindings

INFO = object_info_with()
SHOT = Shot(
    prompt="a shrine",
    negative_prompt="blurry",
    seed=2**53 - 1,
    width=512,
    height=768,
    fps=24,
    frames=28,
    model="counterfeit_v3.safetensors",
    steps=20,
    cfg=7,
    sampler="euler",
    scheduler="normal",
)


def test_every_value_gets_the_type_of_its_input() -> None:
    graph = _fill(_workflow("ade_gen1_vhs_tiny"))
    sampler = graph["8"]["inputs"]
    assert (graph["3"]["inputs"]["text"], graph["4"]["inputs"]["text"]) == ("a shrine", "blurry")
    assert (sampler["seed"], sampler["steps"]) == (2**53 - 1, 20)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("euler", "normal")
    assert (type(sampler["cfg"]), type(graph["10"]["inputs"]["frame_rate"])) == (float, float)
    assert graph["5"]["inputs"] == {"width": 512, "height": 768, "batch_size": 28}
    assert graph["10"]["inputs"]["filename_prefix"] == "tower/run"


def test_the_workflow_is_not_modified() -> None:
    workflow = _workflow("ade_gen1_vhs_tiny")
    graph_before = copy.deepcopy(workflow)
    _fill(workflow)["8"]["inputs"]["steps"] = 99
    assert workflow == graph_before


def test_inputs_without_a_binding_are_unchanged() -> None:
    workflow = _workflow("ade_gen1_vhs_tiny")
    only_prompt = WorkflowGraph("mine", 1, workflow.graph, {"prompt": workflow.bindings["prompt"]})
    graph = _fill(only_prompt)
    assert graph["3"]["inputs"]["text"] == "a shrine"
    assert {node: fields for node, fields in graph.items() if node != "3"} == {
        node: fields for node, fields in workflow.graph.items() if node != "3"
    }


def test_several_inputs_may_share_one_value() -> None:
    workflow = _workflow("ade_gen1_vhs_tiny")
    workflow.bindings["prompt"].append(Binding("4", "text"))
    workflow.bindings.pop("negative")
    assert _fill(workflow)["4"]["inputs"]["text"] == "a shrine"


def test_without_a_reference_the_graph_keeps_its_own() -> None:
    graph: dict[str, Any] = {"1": {"class_type": "LoadImage", "inputs": {"image": "own.png"}}}
    workflow = WorkflowGraph("mine", 1, graph, {"reference": [Binding("1", "image")]})
    assert _fill(workflow)["1"]["inputs"]["image"] == "own.png"
    filled = fill_graph(workflow, SHOT, prefix="x", reference_name="tower/kai.png", info=INFO)
    assert filled["1"]["inputs"]["image"] == "tower/kai.png"


@pytest.mark.parametrize("node", ["99", "12"])
def test_a_binding_to_a_missing_node_or_input_is_refused(node: str) -> None:
    workflow = _workflow("ade_gen1_vhs_tiny")
    workflow.bindings["prompt"] = [Binding(node, "text")]
    with pytest.raises(InvalidError, match=r"bindings\.prompt"):
        _fill(workflow)


def test_bindings_round_trip_through_json() -> None:
    workflow = _workflow("ade_gen1_vhs_tiny")
    assert bindings_from_json(bindings_to_json(workflow.bindings)) == workflow.bindings
    assert get_bound_value(workflow, "steps", workflow.graph) == 2
    assert get_bound_value(workflow, "reference", workflow.graph) is None


def test_equal_workflows_have_one_canonical_form() -> None:
    workflow = _workflow("ade_gen1_vhs_tiny")
    other_order = dict(reversed(workflow.graph.items()))
    assert canonical_bytes(workflow.graph, workflow.bindings) == canonical_bytes(other_order, workflow.bindings)
    assert canonical_bytes(workflow.graph, workflow.bindings) != canonical_bytes(workflow.graph, {})


def _workflow(name: str) -> WorkflowGraph:
    graph = load_workflow(name)
    return WorkflowGraph(name, 1, graph, infer_bindings(graph, INFO).bindings)


def _fill(workflow: WorkflowGraph) -> dict[str, Any]:
    return fill_graph(workflow, SHOT, prefix="tower/run", reference_name=None, info=INFO)
