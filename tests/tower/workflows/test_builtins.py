"""The shipped workflows hold on the recorded server."""

from __future__ import annotations

import pytest

from tests.fakes.comfyui.setup import recorded_object_info
from tests.tower.workflows.graphs import info_with
from tower.engines.base import Shot
from tower.engines.comfyui.filling import fill
from tower.workflows.bindings import bound
from tower.workflows.builtins import builtins
from tower.workflows.checking import check, node_classes
from tower.workflows.findings import FindingCode
from tower.workflows.inference import infer

NAMES = ["animatediff", "anime_character_v2", "core_video", "image", "img2img_reference"]
FROM_PACKS = [
    (name, node_class)
    for name in NAMES
    for node_class in node_classes(builtins()[name].workflow.graph)
    if node_class.startswith(("ADE_", "VHS_"))
]


def test_these_are_shipped() -> None:
    assert sorted(builtins()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_can_run_on_the_recorded_server_with_the_documented_models(name: str) -> None:
    assert check(builtins()[name].workflow.graph, info_with()) == []


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_when_any_node_class_is_taken_away(name: str) -> None:
    graph = builtins()[name].workflow.graph
    for node_class in node_classes(graph):
        info = info_with()
        del info[node_class]
        assert [finding.node_class for finding in check(graph, info) if finding.fatal] == [
            node["class_type"] for node in graph.values() if node["class_type"] == node_class
        ]


@pytest.mark.parametrize(("name", "node_class"), FROM_PACKS)
def test_a_missing_node_pack_is_named(name: str, node_class: str) -> None:
    info = info_with()
    del info[node_class]
    first = check(builtins()[name].workflow.graph, info)[0]
    assert first.code is FindingCode.MISSING_NODE
    assert any(pack in first.mend for pack in builtins()[name].needs["node_packs"])


@pytest.mark.parametrize("name", NAMES)
def test_its_needs_are_what_a_bare_server_lacks(name: str) -> None:
    missing = [f for f in check(builtins()[name].workflow.graph, recorded_object_info()) if f.fatal]
    motion = builtins()[name].needs.get("animatediff_models", [])
    assert [finding.code for finding in missing] == [FindingCode.MISSING_MODEL] * len(motion)
    assert all(model in finding.message for model, finding in zip(motion, missing, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_its_bindings_are_those_that_would_be_inferred(name: str) -> None:
    workflow = builtins()[name].workflow
    inferred = infer(workflow.graph, info_with()).bindings
    if name == "image":
        del inferred["frames"]  # there is always one
    assert workflow.bindings == inferred


def test_animatediff_has_the_documented_parameters() -> None:
    graph = builtins()["animatediff"].workflow.graph
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
def test_any_even_size_is_drawn_in_whole_latents_and_cropped(name: str, width: int, height: int) -> None:
    workflow, info = builtins()[name].workflow, info_with()
    shot = Shot(prompt="p", negative_prompt="n", seed=1, width=width, height=height, fps=24, frames=120)
    graph = fill(workflow, shot, prefix="tower/x", reference_name="tower/kai.png", info=info)
    assert check(graph, info) == []
    crop = next(node for node in graph.values() if node["class_type"] == "ImageCrop")["inputs"]
    assert (crop["width"], crop["height"]) == (width, height)
    drawn = bound(workflow, "width", graph), bound(workflow, "height", graph)
    assert all(side % 8 == 0 and 0 <= side - asked < 8 for side, asked in zip(drawn, (width, height), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_in_for_it_without_a_picture_needs_none(name: str) -> None:
    instead = builtins()[name].without_reference
    if instead is not None:
        assert "reference" in builtins()[name].workflow.bindings
        assert "reference" not in builtins()[instead].workflow.bindings
