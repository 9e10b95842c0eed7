"""What a server renders beyond a shot, because it takes only certain sizes and lengths, is taken off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import numpy as np
import pytest

from tests.fakes.comfyui.server import FakeComfyUI
from tests.tower.engines.comfyui.comfyui_shots import DOCUMENTED_MODELS, FakeRender, RecordingWatcher, build_shot
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.engines.comfyui.engine import ComfyUIEngine
from tower.engines.comfyui.fitting import fit_clip
from tower.errors import InvalidError
from tower.media.probe import probe
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import WorkflowGraph
from tower.workflows.inference import infer_bindings

SIDE = ["INT", {"default": 512, "min": 16, "max": 16384, "step": 16}]
LENGTH = ["INT", {"default": 25, "min": 1, "max": 161, "step": 4}]
CLASSES: dict[str, Any] = {
    "EmptyHunyuanLatentVideo": {
        "input": {"required": {"width": SIDE, "height": SIDE, "length": LENGTH, "batch_size": ["INT", {"min": 1}]}},
        "output": ["LATENT"],
        "output_node": False,
    }
}


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(models=DOCUMENTED_MODELS, classes=CLASSES) as started:
        yield started


def video_graph(comfy: FakeComfyUI, **changed: dict[str, Any]) -> WorkflowGraph:
    """The core_video workflow as a user builds it for a video model: the latent has the size of the clip."""
    graph = {node: dict(content) for node, content in builtin_workflows()["core_video"].workflow.graph.items()}
    latent = next(node for node in graph if graph[node]["class_type"] == "EmptyLatentImage")
    size = {"width": 256, "height": 256, "length": 25, "batch_size": 1}
    graph[latent] = {"class_type": "EmptyHunyuanLatentVideo", "inputs": size}
    decoder = next(node for node in graph if graph[node]["class_type"] == "VAEDecode")
    video = next(node for node in graph if graph[node]["class_type"] == "CreateVideo")
    graph[video] = {"class_type": "CreateVideo", "inputs": {**graph[video]["inputs"], "images": [decoder, 0]}}
    graph |= changed
    graph = {node: content for node, content in graph.items() if content["class_type"] != "ImageCrop"}
    with ComfyUIClient(comfy.url) as client:
        info = client.catalogue.get_class_info({content["class_type"] for content in graph.values()})
    return WorkflowGraph("video", 1, graph, infer_bindings(graph, info).bindings)


def test_a_shot_of_whole_seconds_is_covered_and_cut_to_its_frames_and_size(comfy: FakeComfyUI, tmp_path: Path) -> None:
    render = FakeRender(comfy, tmp_path / "clip.mp4")
    assert render.run(graph=video_graph(comfy), frames=24, width=266, height=258) == ()
    assert (render.clip.frames, render.clip.width, render.clip.height, float(render.clip.fps)) == (24, 266, 258, 24.0)
    [prompt] = comfy.prompts
    latent = next(n for n in prompt.graph.values() if n["class_type"] == "EmptyHunyuanLatentVideo")["inputs"]
    assert (latent["length"], latent["width"], latent["height"]) == (25, 272, 272)
    assert list(tmp_path.iterdir()) == [render.target]


def test_a_length_that_no_number_covers_is_refused_before_rendering(comfy: FakeComfyUI, tmp_path: Path) -> None:
    render = FakeRender(comfy, tmp_path / "clip.mp4")
    with pytest.raises(InvalidError, match="at most 161 frames"):
        render.run(graph=video_graph(comfy), frames=200)
    assert comfy.prompts == []


def test_a_graph_that_saves_no_clip_is_refused_before_rendering(comfy: FakeComfyUI, tmp_path: Path) -> None:
    graph = video_graph(comfy)
    saver = next(node for node in graph.graph if graph.graph[node]["class_type"] == "SaveVideo")
    decoder = next(node for node in graph.graph if graph.graph[node]["class_type"] == "VAEDecode")
    inputs = {"images": [decoder, 0], "filename_prefix": "x", "fps": 8.0, "lossless": False, "quality": 90}
    webp = {"class_type": "SaveAnimatedWEBP", "inputs": {**inputs, "method": "default"}}
    with pytest.raises(ComfyUIError, match="saves webp, and a shot must be an MP4") as caught:
        FakeRender(comfy, tmp_path / "clip.mp4").run(graph=video_graph(comfy, **{saver: webp}))
    assert caught.value.fault is ComfyUIFault.NOT_AS_ASKED
    assert comfy.prompts == []


def test_a_still_is_cropped_too(comfy: FakeComfyUI, tmp_path: Path) -> None:
    graph = video_graph(comfy)
    saver = next(node for node in graph.graph if graph.graph[node]["class_type"] == "SaveVideo")
    decoder = next(node for node in graph.graph if graph.graph[node]["class_type"] == "VAEDecode")
    picture = {"class_type": "SaveImage", "inputs": {"images": [decoder, 0], "filename_prefix": "x"}}
    still = video_graph(comfy, **{saver: picture})
    target = tmp_path / "still.png"
    with ComfyUIClient(comfy.url) as client:
        shot = build_shot(graph=still, width=266, height=258)
        ComfyUIEngine(client).render_still(shot, prompt_id=str(uuid4()), target=target, watch=RecordingWatcher())
    assert target.read_bytes()[16:24] == (266).to_bytes(4, "big") + (258).to_bytes(4, "big")


def test_a_clip_that_is_cut_keeps_its_sound(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_sounding_clip(clip, frames=29, fps=24)
    fit_clip(clip, size=(64, 48), frames=24, fps=24)
    fitted = probe(clip)
    assert (fitted.frames, fitted.width, fitted.height, fitted.duration_s) == (24, 64, 48, 1.0)
    assert fitted.audio is not None
    assert fitted.audio.duration_s == pytest.approx(1.0, abs=1024 / 48_000)
    assert list(tmp_path.iterdir()) == [clip]


def write_sounding_clip(path: Path, *, frames: int, fps: int) -> None:
    """A black clip of 64×64 pixels with a tone of the same length."""
    with av.open(str(path), "w") as out:
        video, audio = out.add_stream("libx264", rate=fps), out.add_stream("aac", rate=48_000, layout="mono")
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        for _ in range(frames):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="bgr24")
            out.mux(video.encode(picture.reformat(format="yuv420p")))
        samples = np.sin(np.arange(frames * 48_000 // fps) * 0.05, dtype=np.float32)[np.newaxis]
        tone = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        tone.sample_rate = 48_000
        out.mux(audio.encode(tone))
        for stream in (video, audio):
            out.mux(stream.encode(None))
