"""The comfyui engine with a server that works."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import cv2
import numpy as np
import pytest

from tests.fakes.comfyui.misbehaviour import InterruptTooLate, PaddedFile, Slow
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.server import FakeComfyUI
from tests.fakes.comfyui.setup import load_object_info
from tests.tower.engines.comfyui.comfyui_shots import (
    DOCUMENTED_MODELS,
    SHORT_PATIENCE,
    FakeRender,
    RecordingWatcher,
    build_shot,
)
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.engines.base import CastMember
from tower.engines.comfyui.engine import ComfyUIEngine, run_ids
from tower.engines.comfyui.entry import ENTRY
from tower.errors import CancelledError, SupersededError
from tower.rendering.workers import is_worker_fault
from tower.workflows.builtins import builtin_workflows
from tower.workflows.graph import WorkflowGraph
from tower.workflows.inference import infer_bindings


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(models=DOCUMENTED_MODELS) as started:
        yield started


@pytest.fixture
def rendering(comfy: FakeComfyUI, tmp_path: Path) -> FakeRender:
    return FakeRender(comfy, tmp_path / "clips" / "clip.mp4")


def test_the_clip_has_the_requested_size_rate_and_frames(rendering: FakeRender) -> None:
    assert rendering.run(frames=10, fps=12, width=320, height=256) == ()
    clip = rendering.clip
    assert (clip.width, clip.height, clip.frames, float(clip.fps)) == (320, 256, 10, 12.0)
    assert (clip.container, clip.codec, clip.pixel_format) == ("mp4", "h264", "yuv420p")
    assert list(rendering.target.parent.iterdir()) == [rendering.target]


@pytest.mark.parametrize("workflow", ["animatediff", "core_video"])
def test_the_submitted_graph_contains_the_shot(rendering: FakeRender, workflow: str) -> None:
    rendering.run(graph=builtin_workflows()[workflow].workflow, steps=3, cfg=7.5, seed=2**53 - 1)
    [prompt] = rendering.comfy.prompts
    sampler = next(node for node in prompt.graph.values() if node["class_type"] == "KSampler")["inputs"]
    assert (sampler["steps"], sampler["cfg"], sampler["seed"]) == (3, 7.5, 2**53 - 1)
    assert prompt.graph[sampler["positive"][0]]["inputs"]["text"] == "a girl in the rain"
    assert prompt.graph[sampler["negative"][0]]["inputs"]["text"] == "lowres"
    assert prompt.prompt_id == rendering.prompt_id


def test_parentheses_that_are_text_are_sent_as_text(rendering: FakeRender) -> None:
    [remark] = rendering.run(prompt="a clock (Monday 12:45), (rain:1.2)")
    [prompt] = rendering.comfy.prompts
    texts = [node["inputs"]["text"] for node in prompt.graph.values() if node["class_type"] == "CLIPTextEncode"]
    assert r"a clock \(Monday 12:45\), (rain:1.2)" in texts
    assert "emphasis" in remark


def test_a_size_that_no_latent_can_have_is_rendered_larger_and_cropped(rendering: FakeRender) -> None:
    rendering.run(width=270, height=258)
    assert (rendering.clip.width, rendering.clip.height) == (270, 258)


def test_files_are_stored_in_towers_own_folder_under_the_run_id(rendering: FakeRender) -> None:
    rendering.run()
    names = [path.relative_to(rendering.comfy.output_folder).as_posix() for path in _files(rendering)]
    assert names
    assert all(name.startswith(f"tower/{rendering.prompt_id}") for name in names)


def test_progress_never_decreases_and_names_the_steps(rendering: FakeRender) -> None:
    rendering.run(steps=4, frames=12)
    fractions = [fraction for fraction, _ in rendering.watcher.reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    steps = rendering.watcher.steps
    order = ["step 1 of 4", "step 4 of 4", "decoding", "encoding 12 of 12", "fetching the clip"]
    assert [steps.index(step) for step in order] == sorted(steps.index(step) for step in order)


def test_the_watcher_is_called_while_nothing_happens(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=3))
    rendering.run(steps=1)
    [(_, times)] = Counter(rendering.watcher.reports).most_common(1)
    assert times >= 10, "the step lasts 60 ticks"


def test_a_retry_does_not_render_twice(rendering: FakeRender) -> None:
    rendering.run()
    content = rendering.target.read_bytes()
    rendering.target.unlink()
    rendering.run()
    assert len(rendering.comfy.prompts) == 1
    assert rendering.target.read_bytes() == content


def test_a_retry_resumes_a_render_that_still_runs(comfy: FakeComfyUI, tmp_path: Path) -> None:
    comfy.misbehave(Slow(seconds_per_step=1.0))
    crashed = FakeRender(
        comfy, tmp_path / "a.mp4", watcher=RecordingWatcher(_raise(SupersededError("lost"), at="step "))
    )
    with pytest.raises(SupersededError):
        crashed.run()
    retry = FakeRender(comfy, tmp_path / "b.mp4", prompt_id=crashed.prompt_id)
    retry.run()
    assert len(comfy.prompts) == 1
    assert retry.clip.frames == 8
    assert "step 4 of 4" in retry.watcher.steps


def test_cancelling_a_running_render_stops_it_on_the_server(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.3))
    rendering.watcher = RecordingWatcher(_raise(CancelledError("cancelled"), at="step "))
    with pytest.raises(CancelledError):
        rendering.run(steps=40)
    with ComfyUIClient(rendering.comfy.url) as client:
        assert client.get_job(rendering.prompt_id).status is PromptStatus.INTERRUPTED
    assert not rendering.target.exists()


def test_cancelling_a_waiting_render_removes_it_from_the_queue(comfy: FakeComfyUI, tmp_path: Path) -> None:
    comfy.misbehave(Slow(seconds_per_step=0.5))
    first = FakeRender(comfy, tmp_path / "first.mp4")
    running = threading.Thread(target=first.run)
    running.start()
    _until(lambda: len(comfy.prompts) == 1)
    second = FakeRender(comfy, tmp_path / "second.mp4")
    second.watcher = RecordingWatcher(_raise(CancelledError("cancelled"), at="waiting at ComfyUI, 1 before it"))
    with pytest.raises(CancelledError):
        second.run()
    with ComfyUIClient(comfy.url) as client:
        assert second.prompt_id not in client.get_queue().pending
    running.join()
    assert first.clip.frames == 8


def test_a_cancel_after_the_end_leaves_no_file(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(InterruptTooLate())
    rendering.watcher = RecordingWatcher(_raise(CancelledError("cancelled"), at="decoding"))
    with pytest.raises(CancelledError):
        rendering.run()
    assert not rendering.target.exists()


def test_a_superseded_render_is_left_to_the_attempt_that_replaced_it(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.2))
    rendering.watcher = RecordingWatcher(_raise(SupersededError("given up"), at="step "))
    with pytest.raises(SupersededError):
        rendering.run()
    assert ("POST", "/interrupt") not in rendering.comfy.requests


def test_a_run_that_was_stopped_is_run_again_with_a_derived_id(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.3))
    rendering.watcher = RecordingWatcher(_raise(CancelledError("cancelled"), at="step "))
    with pytest.raises(CancelledError):
        rendering.run()
    rendering.watcher = RecordingWatcher()
    rendering.run()
    assert [prompt.prompt_id for prompt in rendering.comfy.prompts] == list(run_ids(rendering.prompt_id))[:2]


def test_derived_ids_are_uuids_and_equal_in_every_process() -> None:
    first, *derived = run_ids("3f2b8a52-6a5f-4d8e-9d0c-0c8f3a1b2c3d")
    assert first == "3f2b8a52-6a5f-4d8e-9d0c-0c8f3a1b2c3d"
    assert all(str(UUID(identifier)) == identifier for identifier in derived)
    assert len({first, *derived}) == 1 + len(derived)
    assert derived == list(run_ids(first))[1:]


def test_the_clip_follows_the_last_message_quickly(rendering: FakeRender) -> None:
    rendering.run()
    last_step_at = max(
        step_at for step_at, step in zip(rendering.watcher.at_s, rendering.watcher.steps, strict=True) if "step" in step
    )
    assert rendering.watcher.at_s[-1] - last_step_at < 1.5


def test_a_character_without_a_picture_is_rendered_without_one_and_reported(rendering: FakeRender) -> None:
    [remark] = rendering.run(graph=builtin_workflows()["anime_character_v2"].workflow, cast=(CastMember("Kai"),))
    assert "animatediff" in remark
    assert rendering.clip.frames == 8


def test_a_reference_is_uploaded_and_used(rendering: FakeRender, tmp_path: Path) -> None:
    kai = CastMember("Kai", reference_image=str(_picture(tmp_path / "kai.png")))
    rendering.run(graph=_reference_workflow(), cast=(CastMember("Nobody"), kai))
    [prompt] = rendering.comfy.prompts
    uploaded = next(node for node in prompt.graph.values() if node["class_type"] == "LoadImage")["inputs"]["image"]
    assert (rendering.comfy.input_folder / uploaded).read_bytes() == (tmp_path / "kai.png").read_bytes()
    assert uploaded.startswith("tower/")
    assert rendering.clip.frames == 8


@pytest.mark.parametrize("cast", [(), (CastMember("Kai", reference_image="/nowhere/kai.png"),)])
def test_a_users_workflow_with_a_reference_requires_one(rendering: FakeRender, cast: tuple[CastMember, ...]) -> None:
    with pytest.raises(ComfyUIError) as refused:
        rendering.run(graph=_reference_workflow(), cast=cast)
    assert refused.value.fault is ComfyUIFault.NO_REFERENCE
    assert not rendering.comfy.prompts


def test_a_still_is_rendered_as_a_picture_file(comfy: FakeComfyUI, tmp_path: Path) -> None:
    target = tmp_path / "sheet.png"
    shot = build_shot(graph=builtin_workflows()["image"].workflow, width=264, height=256)
    with ComfyUIClient(comfy.url) as client:
        engine = ComfyUIEngine(client, follow_timeouts=SHORT_PATIENCE)
        engine.render_still(
            shot, prompt_id="3f2b8a52-6a5f-4d8e-9d0c-0c8f3a1b2c3d", target=target, watch=RecordingWatcher()
        )
    picture = cv2.imread(str(target))
    assert picture is not None
    assert picture.shape == (256, 264, 3)


def test_a_shot_without_a_workflow_is_refused(rendering: FakeRender) -> None:
    with pytest.raises(ComfyUIError, match="has no workflow"):
        rendering.run(graph=None)


def test_a_graph_that_the_server_cannot_run_is_not_sent(rendering: FakeRender) -> None:
    del rendering.comfy.object_info["ADE_AnimateDiffLoaderGen1"]
    with pytest.raises(ComfyUIError, match="ComfyUI-AnimateDiff-Evolved") as refused:
        rendering.run()
    assert refused.value.fault is ComfyUIFault.MISSING_NODE
    assert is_worker_fault(refused.value)
    assert not rendering.comfy.prompts


def test_a_missing_model_is_named_with_its_folder(rendering: FakeRender) -> None:
    with pytest.raises(ComfyUIError, match="models/checkpoints") as refused:
        rendering.run(model="dreamshaper_8.safetensors")
    assert refused.value.fault is ComfyUIFault.MISSING_MODEL
    assert is_worker_fault(refused.value)


def test_a_model_added_later_is_found(comfy: FakeComfyUI, tmp_path: Path) -> None:
    with ComfyUIClient(comfy.url) as client:
        engine = ComfyUIEngine(client, follow_timeouts=SHORT_PATIENCE)
        ids = list(run_ids("3f2b8a52-6a5f-4d8e-9d0c-0c8f3a1b2c3d"))
        with pytest.raises(ComfyUIError, match=r"new\.safetensors"):
            engine.render(
                build_shot(model="new.safetensors"), prompt_id=ids[0], target=tmp_path / "a", watch=RecordingWatcher()
            )
        choices = comfy.object_info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
        choices.append("new.safetensors")
        target = tmp_path / "b.mp4"
        engine.render(build_shot(model="new.safetensors"), prompt_id=ids[1], target=target, watch=RecordingWatcher())
    assert target.exists()


@pytest.mark.parametrize("version", ["0.3.40", "0.5.1", "0.24.0", "0.33.0"])
def test_servers_of_every_supported_version_render(tmp_path: Path, version: str) -> None:
    with FakeComfyUI(models=DOCUMENTED_MODELS, version=version) as comfy:
        rendering = FakeRender(comfy, tmp_path / "clip.mp4")
        rendering.run()
        rendering.run()
        assert len(comfy.prompts) == 1


def test_an_old_server_can_stop_a_render(tmp_path: Path) -> None:
    with FakeComfyUI(models=DOCUMENTED_MODELS, version="0.3.40") as comfy:
        comfy.misbehave(Slow(seconds_per_step=0.3))
        rendering = FakeRender(comfy, tmp_path / "clip.mp4")
        rendering.watcher = RecordingWatcher(_raise(CancelledError("cancelled"), at="step "))
        with pytest.raises(CancelledError):
            rendering.run(steps=40)
        with ComfyUIClient(comfy.url) as client:
            assert client.get_job(rendering.prompt_id).status is PromptStatus.INTERRUPTED


def test_a_large_file_is_streamed_and_the_download_can_be_cancelled(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(PaddedFile(file_bytes=20_000_000))
    rendering.watcher = RecordingWatcher(_raise(CancelledError("cancelled"), at="fetching the clip"))
    with pytest.raises(CancelledError):
        rendering.run()
    assert list(rendering.target.parent.iterdir()) == []


def test_engines_that_share_a_queue_each_follow_their_own_render(tmp_path: Path) -> None:
    with FakeComfyUI(models=DOCUMENTED_MODELS, pace=RenderPace(per_step_s=0.02)) as comfy:
        renders = [FakeRender(comfy, tmp_path / f"{number}.mp4") for number in range(3)]
        threads = [threading.Thread(target=render.run, kwargs={"frames": 6 + i}) for i, render in enumerate(renders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [render.clip.frames for render in renders] == [6, 7, 8]
        assert len(comfy.prompts) == 3


def test_the_engine_version_does_not_depend_on_the_server() -> None:
    assert ENTRY.version == "1"


def _raise(error: Exception, *, at: str) -> Callable[[float, str], None]:
    def meanwhile(_: float, step: str) -> None:
        if step.startswith(at):
            raise error

    return meanwhile


def _until(true: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _files(rendering: FakeRender) -> list[Path]:
    return [path for path in rendering.comfy.output_folder.rglob("*") if path.is_file()]


def _picture(path: Path) -> Path:
    assert cv2.imwrite(str(path), np.full((80, 60, 3), (40, 120, 200), np.uint8))
    return path


def _reference_workflow() -> WorkflowGraph:
    """A user's workflow in which the picture is scaled, repeated and drawn over."""
    graph = {node: dict(fields) for node, fields in builtin_workflows()["core_video"].workflow.graph.items()}
    graph["20"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    size = {"width": 512, "height": 512, "crop": "center"}
    graph["21"] = {"class_type": "ImageScale", "inputs": {"image": ["20", 0], "upscale_method": "lanczos", **size}}
    graph["22"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["21", 0], "amount": 16}}
    graph["5"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["22", 0], "vae": ["2", 0]}}
    graph["12"] = {**graph["12"], "inputs": {**graph["12"]["inputs"], "width": 512, "height": 512}}
    return WorkflowGraph("mine", 1, graph, infer_bindings(graph, load_object_info()).bindings)
