"""Bindings are inferred from the links of a graph."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.fakes.comfyui.replay import load_workflow
from tests.fakes.comfyui.setup import RECORDINGS
from tests.tower.workflows.graphs import object_info_with, with_inputs, with_renamed_nodes
from tower.workflows.graph import Binding
from tower.workflows.inference import BINDING_NAMES, infer_bindings

RECORDED = sorted(path.stem for path in (RECORDINGS / "workflows").glob("*.json"))
INFO = object_info_with()
EVERYWHERE = {
    "prompt": [("3", "text")],
    "negative": [("4", "text")],
    "seed": [("8", "seed")],
    "steps": [("8", "steps")],
    "cfg": [("8", "cfg")],
    "sampler": [("8", "sampler_name")],
    "scheduler": [("8", "scheduler")],
    "width": [("5", "width")],
    "height": [("5", "height")],
    "frames": [("5", "batch_size")],
    "model": [("1", "ckpt_name")],
    "vae": [("2", "vae_name")],
}
BY_VHS = {"fps": [("10", "frame_rate")], "prefix": [("10", "filename_prefix")]}
BY_CORE = {"fps": [("11", "fps")], "prefix": [("12", "filename_prefix")]}
WINDOW = {"context_length": [("6", "context_length")], "context_overlap": [("6", "context_overlap")]}


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_graph_is_understood(name: str) -> None:
    core = name.startswith("core")
    assert _bindings(load_workflow(name)) == EVERYWHERE | (BY_CORE if core else BY_VHS | WINDOW)


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("seed", range(5))
def test_node_ids_and_order_do_not_matter(name: str, seed: int) -> None:
    graph = load_workflow(name)
    ids = [str(number) for number in range(100, 100 + len(graph))]
    random.Random(seed).shuffle(ids)
    names = dict(zip(graph, ids, strict=True))
    titles = {node: {key: value for key, value in fields.items() if key != "_meta"} for node, fields in graph.items()}
    expected = {name: [(names[node], key) for node, key in several] for name, several in _bindings(graph).items()}
    assert _bindings(with_renamed_nodes(titles, names)) == expected


@pytest.mark.parametrize("name", RECORDED)
def test_each_binding_is_found_or_missing_with_a_reason(name: str) -> None:
    inference = infer_bindings(load_workflow(name), INFO)
    assert {*inference.found, *inference.missing} == set(BINDING_NAMES)
    assert not {*inference.found} & {*inference.missing}
    assert all(inference.missing.values())
    assert all("node " in binding.why for binding in inference.found.values())


def test_prompts_are_distinguished_by_their_targets() -> None:
    graph = with_inputs(load_workflow("ade_gen1_vhs_tiny"), "8", positive=["4", 0], negative=["3", 0])
    assert _bindings(graph)["prompt"] == [("4", "text")]
    assert _bindings(graph)["negative"] == [("3", "text")]


def test_prompts_are_found_through_nodes_that_pass_both_on() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    graph["30"] = _node("ControlNetLoader", control_net_name="x")
    graph["31"] = _node("LoadImage", image="pose.png")
    wires = {"positive": ["3", 0], "negative": ["4", 0], "control_net": ["30", 0], "image": ["31", 0]}
    graph["32"] = _node("ControlNetApplyAdvanced", strength=1.0, start_percent=0.0, end_percent=1.0, **wires)
    graph = with_inputs(graph, "8", positive=["32", 0], negative=["32", 1])
    bindings = _bindings(graph)
    assert (bindings["prompt"], bindings["negative"]) == ([("3", "text")], [("4", "text")])
    assert bindings["reference"] == [("31", "image")]


def test_of_combined_texts_one_is_the_prompt_and_the_others_are_reported() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    graph["30"] = _node("CLIPTextEncode", text="in the style of a woodcut", clip=["1", 1])
    graph["31"] = _node("ConditioningCombine", conditioning_1=["3", 0], conditioning_2=["30", 0])
    inference = infer_bindings(with_inputs(graph, "8", positive=["31", 0]), INFO)
    assert inference.bindings["prompt"] == [Binding("3", "text")]
    assert "node 30 is combined with it" in inference.found["prompt"].why


def test_a_negative_prompt_derived_from_the_prompt_has_no_binding() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    graph["30"] = _node("ConditioningZeroOut", conditioning=["3", 0])
    inference = infer_bindings(with_inputs(graph, "8", negative=["30", 0]), INFO)
    assert "negative" in inference.missing
    assert (
        infer_bindings(with_inputs(graph, "8", negative=["3", 0]), INFO).missing["negative"]
        == "it is made of the prompt itself"
    )


def test_a_sampler_split_into_nodes_is_followed_to_each() -> None:
    graph = load_workflow("core_createvideo_savevideo_tiny")
    graph["30"] = _node("RandomNoise", noise_seed=3)
    graph["31"] = _node("CFGGuider", model=["1", 0], positive=["3", 0], negative=["4", 0], cfg=8.0)
    graph["32"] = _node("KSamplerSelect", sampler_name="euler")
    graph["33"] = _node("BasicScheduler", model=["1", 0], scheduler="karras", steps=20, denoise=1.0)
    parts = {"noise": ["30", 0], "guider": ["31", 0], "sampler": ["32", 0], "sigmas": ["33", 0]}
    graph["8"] = _node("SamplerCustomAdvanced", latent_image=["5", 0], **parts)
    assert _bindings(graph) == EVERYWHERE | BY_CORE | {
        "seed": [("30", "noise_seed")],
        "steps": [("33", "steps")],
        "cfg": [("31", "cfg")],
        "sampler": [("32", "sampler_name")],
        "scheduler": [("33", "scheduler")],
    }


def test_a_second_sampler_gets_the_seed_and_the_shared_inputs() -> None:
    graph = load_workflow("core_createvideo_savevideo_tiny")
    graph["8"]["inputs"] |= {"steps": 30, "cfg": 7.0}
    graph["40"] = _node("LatentUpscaleBy", samples=["8", 0], upscale_method="bislerp", scale_by=1.5)
    graph["41"] = _node("KSampler", **{**graph["8"]["inputs"], "latent_image": ["40", 0], "steps": 12, "denoise": 0.5})
    graph = with_inputs(graph, "9", samples=["41", 0])
    bindings = _bindings(graph)
    assert bindings["seed"] == [("8", "seed"), ("41", "seed")]
    assert bindings["steps"] == [("8", "steps")]
    assert bindings["cfg"] == [("8", "cfg"), ("41", "cfg")]
    assert bindings["width"] == [("5", "width")]


def test_an_input_linked_to_a_constant_is_bound_to_the_constant() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    info = INFO | {"PrimitiveInt": {"input": {"required": {"value": ["INT", {}]}}, "output": ["INT"]}}
    graph["50"] = _node("PrimitiveInt", value=8)
    inference = infer_bindings(with_inputs(graph, "5", batch_size=["50", 0]), info)
    assert inference.bindings["frames"] == [Binding("50", "value")]


def test_frames_of_a_repeated_picture_are_bound_at_the_repeat_node() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    graph["20"] = _node("LoadImage", image="kai.png")
    graph["21"] = _node("VAEEncode", pixels=["20", 0], vae=["2", 0])
    graph["5"] = _node("VHS_DuplicateLatents", latents=["21", 0], multiply_by=8)
    inference = infer_bindings(graph, INFO)
    assert inference.bindings["frames"] == [Binding("5", "multiply_by")]
    assert inference.bindings["reference"] == [Binding("20", "image")]
    assert "width" in inference.missing


def test_a_size_changed_at_the_end_is_bound_there() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    graph["30"] = _node("ImageScale", image=["9", 0], upscale_method="lanczos", width=128, height=128, crop="disabled")
    assert _bindings(with_inputs(graph, "10", images=["30", 0]))["width"] == [("30", "width")]


def test_a_graph_without_a_sampler_is_reported() -> None:
    graph = {"1": _node("LoadImage", image="x.png"), "2": _node("SaveImage", images=["1", 0], filename_prefix="x")}
    inference = infer_bindings(graph, INFO)
    assert list(inference.found) == ["prefix"]
    assert "no sampler" in inference.missing["prompt"]


def test_size_and_frames_are_found_without_a_sampler() -> None:
    graph = {
        "1": _node("EmptyImage", width=512, height=512, batch_size=1, color=0),
        "2": _node("RepeatImageBatch", image=["1", 0], amount=24),
        "3": _node("CreateVideo", images=["2", 0], fps=24.0),
        "4": _node("SaveVideo", video=["3", 0], filename_prefix="x", format="mp4", codec="h264"),
    }
    assert _bindings(graph) == {
        "width": [("1", "width")],
        "height": [("1", "height")],
        "frames": [("2", "amount")],
        "fps": [("3", "fps")],
        "prefix": [("4", "filename_prefix")],
    }


def test_a_cycle_does_not_hang() -> None:
    graph = load_workflow("ade_gen1_vhs_tiny")
    graph["5"] = _node("LatentUpscaleBy", samples=["8", 0], upscale_method="bislerp", scale_by=1.0)
    assert infer_bindings(graph, INFO).bindings["prompt"] == [Binding("3", "text")]


def _node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def _bindings(graph: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    bindings = infer_bindings(graph, INFO).bindings
    return {name: [(binding.node, binding.input) for binding in several] for name, several in bindings.items()}
