"""Bindings in graphs of node packs, whose samplers, encoders and latents have types of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tower.workflows.graphs import with_inputs
from tests.tower.workflows.test_tracing import TEXT, described, node
from tower.workflows.inference import Inference, infer_bindings

INT, FLOAT = ["INT"], ["FLOAT"]
SAMPLING = {"steps": INT, "cfg": FLOAT, "seed": INT}
CLIP_OUT = described(
    "IMAGE", {"images": ["IMAGE"], "frame_rate": FLOAT, "filename_prefix": ["STRING"]}, output_node=True
)
INFO = {
    "Save": CLIP_OUT,
    "SavePictures": described([], {"images": ["IMAGE"], "filename_prefix": ["STRING"]}, output_node=True),
    "Checkpoint": described(["MODEL", "CLIP", "VAE"], {"ckpt_name": [["a.safetensors"]]}),
    "Encode": described("CONDITIONING", {"text": TEXT, "clip": ["CLIP"]}),
    "Sampler": described(
        "LATENT",
        SAMPLING | {side: ["CONDITIONING"] for side in ("positive", "negative")} | {"latent_image": ["LATENT"]},
        {"model": ["MODEL"], "add_noise": [["enable", "disable"]]},
    ),
    "Decode": described("IMAGE", {"samples": ["LATENT"], "vae": ["VAE"]}),
    "Latent": described("LATENT", {"width": INT, "height": INT, "batch_size": INT}),
    "VideoLatent": described("LATENT", {"width": INT, "height": INT, "length": INT, "batch_size": INT}),
    "FromBatch": described("IMAGE", {"image": ["IMAGE"], "batch_index": INT, "length": INT}),
    "LatentFromBatch": described("LATENT", {"samples": ["LATENT"], "batch_index": INT, "length": INT}),
    "RepeatImageBatch": described("IMAGE", {"image": ["IMAGE"], "amount": INT}),
    "Math": described("INT", {"expression": TEXT}, {"a": INT}),
    "Int": described("INT", {"value": INT}),
    "PromptSchedule": described(["CONDITIONING", "CONDITIONING"], {"text": TEXT, "clip": ["CLIP"], "pre_text": TEXT}),
    "Zero": described("CONDITIONING", {"conditioning": ["CONDITIONING"]}),
    # A pack with types of its own for everything.
    "HyModel": described("HYMODEL", {"model": [["hy.safetensors"]]}),
    "HyText": described("HYEMBEDS", {"encoders": ["HYTEXTENCODER"], "prompt": TEXT}),
    "HySampler": described(
        "LATENT",
        SAMPLING | {"model": ["HYMODEL"], "embeds": ["HYEMBEDS"], "width": INT, "height": INT, "num_frames": INT},
    ),
    "DualText": described(
        "WANTEXTEMBEDS", {"t5": ["WANTEXTENCODER"], "positive_prompt": TEXT, "negative_prompt": TEXT}
    ),
    "WanEmpty": described("WANIMAGE_EMBEDS", {"width": INT, "height": INT, "num_frames": INT}),
    "WanSampler": described(
        "LATENT",
        SAMPLING | {"model": ["WANMODEL"], "image_embeds": ["WANIMAGE_EMBEDS"], "scheduler": [["unipc", "euler"]]},
        {"text_embeds": ["WANTEXTEMBEDS"]},
    ),
    # A pack that passes everything on in a pipe.
    "PipeLoader": described(
        "PIPE_LINE",
        {"ckpt_name": [["a.safetensors"]], "positive": TEXT, "negative": TEXT}
        | {"empty_latent_width": INT, "empty_latent_height": INT, "batch_size": INT},
    ),
    "PipeSettings": described("PIPE_LINE", SAMPLING | {"pipe": ["PIPE_LINE"]}),
    "PipeSampler": described(["PIPE_LINE", "IMAGE"], {"pipe": ["PIPE_LINE"]}),
    # A loader that encodes too.
    "EfficientLoader": described(
        ["MODEL", "CONDITIONING", "CONDITIONING", "LATENT", "VAE"],
        {"ckpt_name": [["a.safetensors"]], "positive": TEXT, "negative": TEXT, "batch_size": INT}
        | {"empty_latent_width": INT, "empty_latent_height": INT},
    ),
}
SETTINGS: dict[str, Any] = {"steps": 20, "cfg": 7, "seed": 1}
LOADED: dict[str, Any] = {
    "ckpt_name": "a.safetensors",
    **{"positive": "a", "negative": "b"},
    **{"empty_latent_width": 8, "empty_latent_height": 8, "batch_size": 5},
}
PLAIN = {
    "1": node("Checkpoint", ckpt_name="a.safetensors"),
    "2": node("Encode", text="a", clip=["1", 1]),
    "3": node("Encode", text="b", clip=["1", 1]),
    "4": node("Latent", width=512, height=512, batch_size=16),
    "5": node("Sampler", **SETTINGS, model=["1", 0], positive=["2", 0], negative=["3", 0], latent_image=["4", 0]),
    "6": node("Decode", samples=["5", 0], vae=["1", 2]),
    "7": node("Save", images=["6", 0], frame_rate=8, filename_prefix="x"),
}


def inferred(graph: dict[str, Any]) -> Inference:
    return infer_bindings(graph, INFO)


def bound(graph: dict[str, Any], *names: str) -> list[str]:
    """The first input bound to each name, as node.input; "-" without one."""
    found = inferred(graph).bindings
    return [f"{found[name][0].node}.{found[name][0].input}" if name in found else "-" for name in names]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (
            {
                "1": node("HyModel", model="hy.safetensors"),
                "2": node("HyText", prompt="a"),
                "5": node("HySampler", **SETTINGS, model=["1", 0], embeds=["2", 0], width=8, height=8, num_frames=5),
            },
            ["2.prompt", "-", "5.seed", "5.steps", "5.width", "5.num_frames", "1.model"],
        ),
        (
            {
                "1": node("HyModel", model="hy.safetensors"),
                "2": node("DualText", positive_prompt="a", negative_prompt="b"),
                "4": node("WanEmpty", width=8, height=8, num_frames=5),
                "5": node("WanSampler", **SETTINGS, model=["1", 0], image_embeds=["4", 0], text_embeds=["2", 0]),
            },
            ["2.positive_prompt", "2.negative_prompt", "5.seed", "5.steps", "4.width", "4.num_frames", "1.model"],
        ),
        (
            {
                "1": node("PipeLoader", **LOADED),
                "2": node("PipeSettings", **SETTINGS, pipe=["1", 0]),
                "5": node("PipeSampler", pipe=["2", 0]),
            },
            ["1.positive", "1.negative", "2.seed", "2.steps", "1.empty_latent_width", "1.batch_size", "1.ckpt_name"],
        ),
        (
            {
                "1": node("EfficientLoader", **LOADED),
                "5": node(
                    "Sampler", **SETTINGS, positive=["1", 1], negative=["1", 2], latent_image=["1", 3], model=["1", 0]
                ),
            },
            ["1.positive", "1.negative", "5.seed", "5.steps", "1.empty_latent_width", "1.batch_size", "1.ckpt_name"],
        ),
    ],
    ids=["text and frames at the sampler", "both texts in one node", "a pipe", "a loader that encodes"],
)
def test_a_sampler_is_known_by_its_seed_and_steps(graph: dict[str, Any], expected: list[str]) -> None:
    slot = 1 if graph["5"]["class_type"] == "PipeSampler" else 0
    graph |= {"6": node("Decode", samples=["5", slot]), "7": node("Save", images=["6", 0], frame_rate=8)}
    if slot:
        graph["7"]["inputs"]["images"] = ["5", slot]
    assert bound(graph, "prompt", "negative", "seed", "steps", "width", "frames", "model") == expected


def test_a_scheduler_with_names_of_its_own_is_left_alone() -> None:
    graph = {
        "4": node("WanEmpty", width=8, height=8, num_frames=5),
        "5": node("WanSampler", **SETTINGS, image_embeds=["4", 0], scheduler="unipc"),
        "7": node("Save", images=["5", 0], frame_rate=8),
    }
    assert inferred(graph).missing["scheduler"] == (
        "scheduler of node 5 (WanSampler) has choices of its own: unipc, euler"
    )


def test_the_second_half_of_a_split_sampling_gets_no_seed() -> None:
    second = node("Sampler", **{**PLAIN["5"]["inputs"], "latent_image": ["5", 0], "add_noise": "disable"})
    graph = with_inputs({**PLAIN, "8": second}, "6", samples=["8", 0])
    assert [binding.node for binding in inferred(graph).bindings["seed"]] == ["5"]
    assert [binding.node for binding in inferred(graph).bindings["steps"]] == ["5", "8"]


def test_frames_are_those_that_are_made_not_those_that_are_taken_out() -> None:
    taken = {**PLAIN, "8": node("FromBatch", image=["6", 0], batch_index=4, length=4096)}
    assert bound(with_inputs(taken, "7", images=["8", 0]), "frames") == ["4.batch_size"]
    taken = {**PLAIN, "8": node("LatentFromBatch", samples=["5", 0], batch_index=0, length=64)}
    assert bound(with_inputs(taken, "6", samples=["8", 0]), "frames") == ["4.batch_size"]


@pytest.mark.parametrize("batch_size", [1, 4096])
def test_batch_size_beside_a_length_makes_whole_videos(batch_size: int) -> None:
    latent = node("VideoLatent", width=8, height=8, length=["8", 0], batch_size=batch_size)
    graph = {**PLAIN, "4": latent, "8": node("Math", expression="a*16+1", a=["9", 0]), "9": node("Int", value=5)}
    assert bound(graph, "frames") == ["-"]
    assert inferred(graph).missing["frames"] == (
        "length of node 4 (VideoLatent) gets its value from node 8 (Math), which makes it of a"
    )
    assert bound(with_inputs(graph, "4", length=["9", 0]), "frames") == ["9.value"]


def test_a_graph_that_saves_pictures_has_no_frames() -> None:
    graph = {**PLAIN, "7": node("SavePictures", images=["6", 0], filename_prefix="x")}
    assert inferred(graph).missing["frames"] == "the graph saves pictures, not a clip"


def test_repeats_of_several_pictures_are_ambiguous() -> None:
    graph = {**PLAIN, "8": node("RepeatImageBatch", image=["6", 0], amount=2)}
    graph = with_inputs(graph, "7", images=["8", 0])
    assert inferred(graph).missing["frames"] == (
        "amount of node 8 (RepeatImageBatch) multiplies batch_size of node 4 (Latent)"
    )
    assert bound(with_inputs(graph, "4", batch_size=1), "frames") == ["8.amount"]


def test_a_schedule_of_prompts_is_left_alone_and_its_form_is_said() -> None:
    schedule = node("PromptSchedule", text='"0": "girl",\n"8": "boy"', clip=["1", 1], pre_text="")
    for graph in ({**PLAIN, "2": schedule}, with_inputs(PLAIN, "2", text='"0" :"girl",\n"8" :"boy"')):
        assert '"0": "a girl"' in inferred(graph).missing["prompt"]
        assert bound(graph, "negative") == ["3.text"]


def test_the_reason_without_a_prompt_names_the_node_where_the_wire_ends() -> None:
    graph = with_inputs({**PLAIN, "8": node("Zero", conditioning=["9", 0])}, "5", positive=["8", 0])
    graph["9"] = node("Unheard")
    assert inferred(graph).missing["prompt"] == (
        "no text is encoded on the way to node 5 (Sampler): the wire ends at node 9 (Unheard)"
    )
