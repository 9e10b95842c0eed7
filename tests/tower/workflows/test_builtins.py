"""The built-in workflows can run on the recorded server."""

from __future__ import annotations

import pytest

from tests.fakes.comfyui.setup import load_object_info
from tests.tower.workflows.graphs import object_info_with
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill_graph
from tower.workflows.bindings import get_bound_value
from tower.workflows.builtins import builtin_workflows
from tower.workflows.checking import check_graph, node_classes
from tower.workflows.findings import GraphFindingCode
from tower.workflows.inference import infer_bindings

NAMES = ["animatediff", "anime_character_v2", "core_video", "image", "img2img_reference"]
FROM_PACKS = [
    (name, node_class)
    for name in NAMES
    for node_class in node_classes(builtin_workflows()[name].workflow.graph)
    if node_class.startswith(("ADE_", "VHS_"))
]


def test_the_expected_workflows_are_shipped() -> None:
    assert sorted(builtin_workflows()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_on_the_recorded_server_with_the_documented_models(name: str) -> None:
    assert check_graph(builtin_workflows()[name].workflow.graph, object_info_with()) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_if_any_of_its_node_classes_is_missing(name: str) -> None:
    graph = builtin_workflows()[name].workflow.graph
    for node_class in node_classes(graph):
        info = object_info_with()
        del info[node_class]
        assert [finding.node_class for finding in check_graph(graph, info) if finding.fatal] == [
            node["class_type"] for node in graph.values() if node["class_type"] == node_class
        ]


@pytest.mark.parametrize(("name", "node_class"), FROM_PACKS)
def test_a_missing_node_pack_is_named(name: str, node_class: str) -> None:
    info = object_info_with()
    del info[node_class]
    first = check_graph(builtin_workflows()[name].workflow.graph, info)[0]
    assert first.code is GraphFindingCode.MISSING_NODE
    assert any(pack in first.mend for pack in builtin_workflows()[name].needs["node_packs"])


@pytest.mark.parametrize("name", NAMES)
def test_its_requirements_are_the_findings_of_a_bare_server(name: str) -> None:
    missing = [f for f in check_graph(builtin_workflows()[name].workflow.graph, load_object_info()) if f.fatal]
    motion = builtin_workflows()[name].needs.get("animatediff_models", [])
    assert [finding.code for finding in missing] == [GraphFindingCode.MISSING_MODEL] * len(motion)
    assert all(model in finding.message for model, finding in zip(motion, missing, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_its_bindings_equal_the_inferred_ones(name: str) -> None:
    workflow = builtin_workflows()[name].workflow
    assert workflow.bindings == infer_bindings(workflow.graph, object_info_with()).bindings


def test_animatediff_has_the_documented_parameters() -> None:
    graph = builtin_workflows()["animatediff"].workflow.graph
    values = {key: value for node in graph.values() for key, value in node["inputs"].items()}
    documented = {
        "ckpt_name": "counterfeit_v3.safetensors",
        "vae_name": "vae-ft-mse-840000-ema-pruned.safetensors",
        "model_name": "mm-Stabilized_high.pth",
        "context_length": 24,
        "context_overlap": 4,
        "batch_size": 120,
        "steps": 40,
        "cfg": 8.5,
        "sampler_name": "dpmpp_2m",
        "scheduler": "karras",
        "frame_rate": 24.0,
        "format": "video/h264-mp4",
        "pix_fmt": "yuv420p",
        "crf": 12,
    }
    assert {key: values[key] for key in documented} == documented


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (854, 480), (1080, 1918), (256, 2046)])
def test_any_even_size_is_rendered_in_whole_latents_and_cropped(name: str, width: int, height: int) -> None:
    workflow, info = builtin_workflows()[name].workflow, object_info_with()
    shot = Shot(prompt="p", negative_prompt="n", seed=1, width=width, height=height, fps=24, frames=120)
    graph = fill_graph(workflow, shot, prefix="tower/x", reference_name="tower/kai.png", info=info)
    assert check_graph(graph, info) == []
    crop = next(node for node in graph.values() if node["class_type"] == "ImageCrop")["inputs"]
    assert (crop["width"], crop["height"]) == (width, height)
    rendered_size = get_bound_value(workflow, "width", graph), get_bound_value(workflow, "height", graph)
    assert all(
        side % 8 == 0 and 0 <= side - requested < 8
        for side, requested in zip(rendered_size, (width, height), strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_its_replacement_without_a_picture_needs_no_reference(name: str) -> None:
    instead = builtin_workflows()[name].without_reference
    if instead is not None:
        assert "reference" in builtin_workflows()[name].workflow.bindings
        assert "reference" not in builtin_workflows()[instead].workflow.bindings
