"""Complete renders."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import cv2
import httpx
import numpy as np
import pytest

from tests.live import graphs
from tests.live.rendering import SHOT, LiveRender, RecordingWatcher
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.engines.base import CastMember
from tower.engines.comfyui.engine import ComfyUIEngine
from tower.errors import CancelledError
from tower.workflows.graph import Binding

AddToSummary = Callable[[str], None]


def test_a_graph_without_models_gives_exactly_the_requested_clip(
    live: LiveRender, add_to_summary: AddToSummary
) -> None:
    assert live.render(live.bind_as_registered(graphs.build_plain_colour())) == ()
    clip = live.clip
    assert (clip.width, clip.height, clip.frames, float(clip.fps)) == (SHOT.width, SHOT.height, SHOT.frames, SHOT.fps)
    assert (clip.codec, clip.pixel_format) == ("h264", "yuv420p")
    assert _colour(live.target) == pytest.approx(graphs.TEAL_RGB, abs=8)
    add_to_summary(f"no models: {clip.frames} frames of {clip.width}×{clip.height} in {live.took_s:.2f} s")


def test_progress_never_goes_back_and_ends_at_one(live: LiveRender) -> None:
    live.render(live.bind_as_registered(graphs.build_plain_colour()), frames=48)
    assert live.watcher.fractions == sorted(live.watcher.fractions)
    assert live.watcher.fractions[-1] == 1.0
    assert "fetching the clip" in live.watcher.steps


def test_core_video_renders(live: LiveRender, add_to_summary: AddToSummary) -> None:
    core_video = graphs.build_core_video(live.client)
    if core_video is None:
        pytest.skip("this server has no checkpoint in models/checkpoints")
    workflow, checkpoint = core_video
    assert live.render(workflow, model=checkpoint, width=76, height=68, frames=4, steps=3) == ()
    clip = live.clip
    assert (clip.width, clip.height, clip.frames, float(clip.fps)) == (76, 68, 4, SHOT.fps)
    assert live.watcher.fractions == sorted(live.watcher.fractions)
    assert {"step 1 of 3", "step 3 of 3", "decoding"} <= set(live.watcher.steps)
    add_to_summary(f"core_video on {checkpoint}: {clip.frames} frames in {live.took_s:.1f} s")


def test_the_same_prompt_id_twice_renders_once(live: LiveRender) -> None:
    workflow = live.bind_as_registered(graphs.build_plain_colour())
    live.render(workflow)
    before, number = live.target.read_bytes(), _number(live)
    live.target.unlink()
    live.render(workflow)
    assert live.target.read_bytes() == before
    assert _number(live) == number


def test_a_cancel_during_a_run_is_confirmed(live: LiveRender, add_to_summary: AddToSummary) -> None:
    cancelled_at: list[float] = []

    def cancel(_: str) -> None:
        if live.client.get_job(live.prompt_id).status is PromptStatus.RUNNING:
            cancelled_at.append(time.monotonic())
            raise CancelledError("cancelled")

    live.watcher = RecordingWatcher(cancel)
    with pytest.raises(CancelledError):
        live.render(live.bind_as_registered(graphs.build_long_chain()), width=512, height=512, frames=16)
    add_to_summary(f"a running prompt stopped {time.monotonic() - cancelled_at[0]:.2f} s after the cancel")
    assert live.client.get_job(live.prompt_id).status is PromptStatus.INTERRUPTED
    assert live.prompt_id not in live.client.get_queue().running
    assert not live.target.exists()


def test_a_node_that_fails_is_named(live: LiveRender) -> None:
    with pytest.raises(ComfyUIError, match="SaveVideo") as failed:
        live.render(live.bind_as_registered(graphs.build_plain_colour()), width=65, height=63)
    assert failed.value.fault is ComfyUIFault.FAILED


def test_an_uploaded_picture_comes_back_as_a_still(live: LiveRender, tmp_path: Path) -> None:
    picture, target = tmp_path / "kai.png", tmp_path / "still.png"
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    assert cv2.imwrite(str(picture), pixels)
    workflow = live.bind_as_registered(graphs.build_picture_loader())
    workflow.bindings["reference"] = [Binding("1", "image")]
    shot = replace(SHOT, graph=workflow, cast=(CastMember("Kai", reference_image=str(picture)),))
    engine = ComfyUIEngine(live.client)
    engine.render_still(shot, prompt_id=live.prompt_id, target=target, watch=live.watcher)
    saved = cv2.imread(str(target))
    assert saved is not None
    assert (saved == pixels).all()


def _number(live: LiveRender) -> int:
    """The server's number of this run; it counts every accepted prompt."""
    entry = httpx.get(f"{live.client.url}/history/{live.prompt_id}", trust_env=False).json()[live.prompt_id]
    return int(entry["prompt"][0])


def _colour(clip: Path) -> list[float]:
    """Mean red, green and blue, 0–255, of the last frame."""
    with av.open(str(clip)) as container:
        *_, last = container.decode(video=0)
    pixels = np.asarray(last.to_ndarray(format="rgb24"), np.uint8)
    return [float(pixels[..., channel].mean()) for channel in range(3)]
