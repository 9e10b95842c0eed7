"""Whatever a ComfyUI does, a render through the engine gives the asked clip or one sentence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.comfyui.misbehaviour import (
    CachedFileGone,
    DeadWorker,
    GarbageFile,
    Hangs,
    InterruptTooLate,
    LateHistory,
    Misbehaviour,
    NodeErrors,
    NodeFails,
    OutOfMemory,
    Previews,
    RestartMidRun,
    ServerError,
    ShortFile,
    SilentSocket,
    Slow,
    SocketDropped,
    SocketRefused,
    SuccessWithoutFile,
    TimeoutAfterAccepting,
    TruncatedDownload,
    WrongFrameCount,
)
from tests.fakes.comfyui.server import FakeComfyUI
from tests.tower.engines.comfyui.comfyui_shots import DOCUMENTED_MODELS, FakeRender, RecordingWatcher
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.engines.comfyui.engine import run_ids
from tower.errors import CancelledError
from tower.rendering.workers import is_worker_fault
from tower.workflows.builtins import builtin_workflows


@pytest.fixture
def comfy() -> Iterator[FakeComfyUI]:
    with FakeComfyUI(models=DOCUMENTED_MODELS) as started:
        yield started


@pytest.fixture
def rendering(comfy: FakeComfyUI, tmp_path: Path) -> FakeRender:
    return FakeRender(comfy, tmp_path / "clips" / "clip.mp4")


@pytest.mark.parametrize(
    "trouble",
    [
        SilentSocket(after_messages=1, times=None),
        SilentSocket(after_messages=12),
        SocketDropped(at_step=2),
        SocketDropped(at_step=1, times=3),
        SocketRefused(times=None),
        LateHistory(by_s=0.3),
        Previews(),
        ServerError(path="/view"),
        ServerError(path="/object_info/KSampler"),
        ServerError(path="/jobs/{prompt_id}"),
        TruncatedDownload(share=0.5),
        TruncatedDownload(share=0.0, times=2),
        TimeoutAfterAccepting(answer_after_s=1.5),
        TimeoutAfterAccepting(),
    ],
    ids=str,
)
def test_it_is_survived_without_a_second_render(rendering: FakeRender, trouble: Misbehaviour) -> None:
    if isinstance(trouble, ServerError):
        trouble = ServerError(path=trouble.path.format(prompt_id=rendering.prompt_id))
    rendering.timeout_s = 1.0
    rendering.comfy.misbehave(trouble, Slow(seconds_per_step=0.1))
    assert rendering.run() == ()
    assert rendering.clip.frames == 8
    assert len(rendering.comfy.prompts) == 1


def test_a_silent_socket_is_opened_anew_and_tells_of_the_steps(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(SilentSocket(after_messages=2), Slow(seconds_per_step=0.4))
    rendering.run(steps=8)
    assert {"step 5 of 8", "step 6 of 8", "step 7 of 8"} & set(rendering.watcher.steps)


def test_a_server_error_on_submit_is_asked_again_and_sent_once(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(ServerError(path="/prompt"))
    rendering.run()
    assert len(rendering.comfy.prompts) == 1


@pytest.mark.parametrize(("fault", "trouble"), [(ComfyUIFault.BROKEN, ServerError), (ComfyUIFault.UNREACHABLE, Hangs)])
def test_a_server_that_never_takes_a_prompt_is_said_so(
    rendering: FakeRender, fault: ComfyUIFault, trouble: type[ServerError | Hangs]
) -> None:
    rendering.timeout_s = 0.3
    rendering.comfy.misbehave(trouble(path="/prompt", times=None))
    with pytest.raises(ComfyUIError) as told:
        rendering.run()
    assert told.value.fault is fault
    assert is_worker_fault(told.value)
    assert not rendering.target.exists()


def test_a_question_that_hangs_does_not_end_a_render(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(SocketRefused(times=None), Slow(seconds_per_step=0.2))
    rendering.comfy.misbehave(Hangs(path=f"/jobs/{rendering.prompt_id}", times=2))
    rendering.timeout_s = 0.5
    rendering.run()
    assert rendering.clip.frames == 8
    assert len(rendering.comfy.prompts) == 1


def test_a_server_that_is_not_there_is_unreachable(rendering: FakeRender) -> None:
    rendering.comfy.kill()
    with pytest.raises(ComfyUIError, match="does not answer at http://127") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.UNREACHABLE


def test_node_errors_with_200_are_a_refusal_and_nothing_goes_on(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(NodeErrors())
    with pytest.raises(ComfyUIError, match=r"node 10 \(VHS_VideoCombine\)") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.REFUSED
    assert not is_worker_fault(told.value)
    with ComfyUIClient(rendering.comfy.url) as client:
        assert not client.get_job(rendering.prompt_id).is_live


@pytest.mark.parametrize("workflow", ["animatediff", "core_video"])
@pytest.mark.parametrize(
    "trouble",
    [SuccessWithoutFile(), ShortFile(share=0.5), GarbageFile(), WrongFrameCount(by=-1), WrongFrameCount(by=3)],
    ids=str,
)
def test_a_bad_file_is_made_once_more_under_another_name(
    rendering: FakeRender, trouble: Misbehaviour, workflow: str
) -> None:
    rendering.comfy.misbehave(trouble)
    [remark] = rendering.run(graph=builtin_workflows()[workflow].workflow)
    assert remark.startswith("Rendered again, because: ")
    assert rendering.clip.frames == 8
    assert [sent.prompt_id for sent in rendering.comfy.prompts] == list(run_ids(rendering.prompt_id))[:2]


@pytest.mark.parametrize(
    ("trouble", "fault"),
    [
        (SuccessWithoutFile(times=None), ComfyUIFault.NO_FILE),
        (GarbageFile(times=None), ComfyUIFault.BAD_FILE),
        (ShortFile(times=None), ComfyUIFault.BAD_FILE),
        (WrongFrameCount(times=None), ComfyUIFault.WRONG_FRAMES),
    ],
    ids=str,
)
def test_a_file_that_stays_bad_is_said_so_after_two_runs(
    rendering: FakeRender, trouble: Misbehaviour, fault: ComfyUIFault
) -> None:
    rendering.comfy.misbehave(trouble)
    with pytest.raises(ComfyUIError) as told:
        rendering.run()
    assert told.value.fault is fault
    assert len(rendering.comfy.prompts) == 2
    assert list(rendering.target.parent.iterdir()) == []


def test_a_cached_result_whose_file_is_gone_is_saved_again(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(CachedFileGone())
    [remark] = rendering.run()
    assert "does not have it" in remark
    assert rendering.clip.frames == 8
    assert len(rendering.comfy.prompts) == 2


def test_a_download_that_breaks_off_is_taken_up_where_it_was(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(TruncatedDownload(share=0.5, times=3))
    rendering.run()
    assert rendering.clip.frames == 8
    assert rendering.comfy.requests.count(("GET", "/view")) >= 3


@pytest.mark.parametrize("down_s", [0.0, 0.8])
def test_a_restart_that_loses_the_queue_is_noticed_and_the_prompt_sent_again(
    rendering: FakeRender, down_s: float
) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.1), RestartMidRun(at_step=2, down_s=down_s))
    [remark] = rendering.run()
    assert "sent again" in remark
    assert rendering.clip.frames == 8
    assert [sent.prompt_id for sent in rendering.comfy.prompts] == [rendering.prompt_id] * 2


def test_a_server_that_starts_again_and_again_loses_the_render(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(RestartMidRun(at_step=1, times=None))
    with pytest.raises(ComfyUIError, match="lost the prompt 3 times") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.LOST
    assert is_worker_fault(told.value)


def test_a_server_that_stays_away_is_given_up(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.5))
    rendering.watcher = RecordingWatcher(lambda _, step: rendering.comfy.kill() if step == "step 1 of 4" else None)
    with pytest.raises(ComfyUIError) as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.UNREACHABLE
    assert "ComfyUI does not answer, waiting for it" in rendering.watcher.steps


def test_a_dead_worker_thread_is_stalled(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(DeadWorker())
    rendering.limits = {"no_progress_s": 2.5, "stop_s": 0.3}  # the socket is opened anew meanwhile
    with pytest.raises(ComfyUIError, match=r"no progress at node 8 \(KSampler\)") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.STALLED
    assert is_worker_fault(told.value)
    assert ("POST", "/interrupt") in rendering.comfy.requests


def test_slow_is_not_dead(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.5))
    rendering.limits = {"no_progress_s": 1.0}
    rendering.run(steps=5)
    assert rendering.clip.frames == 8


def test_a_queue_that_never_moves_is_stalled(comfy: FakeComfyUI, tmp_path: Path) -> None:
    comfy.misbehave(DeadWorker())
    limits = {"no_progress_s": 1.0, "stop_s": 0.1}
    dead = threading.Thread(target=_stalled, args=(FakeRender(comfy, tmp_path / "a.mp4", limits=limits),))
    dead.start()
    while not comfy.prompts:
        time.sleep(0.01)
    behind = FakeRender(comfy, tmp_path / "b.mp4", limits={"queue_stalled_s": 1.0})
    with pytest.raises(ComfyUIError, match="its queue has not moved") as told:
        behind.run()
    assert told.value.fault is ComfyUIFault.STALLED
    with ComfyUIClient(comfy.url) as client:
        assert client.get_job(behind.prompt_id).status is PromptStatus.UNKNOWN
    dead.join()


def test_out_of_memory_frees_and_renders_once_more_with_a_smaller_window(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(OutOfMemory(above_context=16, times=None))
    [remark] = rendering.run(frames=40)
    assert "window of 16 frames instead of 24" in remark
    assert rendering.comfy.frees == [{"unload_models": True, "free_memory": True}]
    assert any(remark in step for step in rendering.watcher.steps)
    first, second = rendering.comfy.prompts
    assert first.prompt_id != second.prompt_id
    assert second.graph["6"]["inputs"]["context_overlap"] == 4
    assert rendering.clip.frames == 40


def test_out_of_memory_without_a_window_to_shrink_is_tried_again_as_it_was(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(OutOfMemory(until_freed=True, times=None))
    [remark] = rendering.run(graph=builtin_workflows()["core_video"].workflow)
    assert "unchanged" in remark
    assert rendering.clip.frames == 8


def test_out_of_memory_twice_is_said_so(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(OutOfMemory(times=None))
    with pytest.raises(ComfyUIError, match="ran out of memory at node") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.OOM
    assert is_worker_fault(told.value)
    assert len(rendering.comfy.prompts) == 2


def test_a_node_that_fails_is_named_with_the_servers_message(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(NodeFails(at="VAEDecode", message="shapes cannot be multiplied\nmore"))
    with pytest.raises(ComfyUIError, match=r"node 9 \(VAEDecode\): shapes cannot be multiplied$") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.FAILED
    assert not is_worker_fault(told.value)
    assert len(rendering.comfy.prompts) == 1


def test_a_truncated_model_is_the_workers_fault(rendering: FakeRender) -> None:
    with pytest.raises(ComfyUIError, match="download the file again") as told:
        rendering.run(model="truncated_download.safetensors")
    assert told.value.fault is ComfyUIFault.BAD_MODEL
    assert is_worker_fault(told.value)


def test_someone_elses_interrupt_is_told_as_such(rendering: FakeRender) -> None:
    def interrupted(_: float, step: str) -> None:
        if step == "step 1 of 4":
            with ComfyUIClient(rendering.comfy.url) as client:
                client.cancel(rendering.prompt_id)

    rendering.comfy.misbehave(Slow(seconds_per_step=0.3))
    rendering.watcher = RecordingWatcher(interrupted)
    with pytest.raises(ComfyUIError, match="Someone stopped this render") as told:
        rendering.run()
    assert told.value.fault is ComfyUIFault.INTERRUPTED


def test_progress_of_prompts_without_a_client_is_not_taken_for_ours(rendering: FakeRender) -> None:
    """Every socket hears of them."""
    rendering.run(frames=4)
    [ours] = rendering.comfy.prompts
    theirs = {**ours.graph, "8": {**ours.graph["8"], "inputs": {**ours.graph["8"]["inputs"], "steps": 9, "seed": 99}}}
    rendering.comfy.misbehave(Slow(seconds_per_step=0.1))
    httpx.post(f"{rendering.comfy.url}/prompt", json={"prompt": theirs}).raise_for_status()
    behind = FakeRender(rendering.comfy, rendering.target.with_name("behind.mp4"))
    behind.run()
    assert "waiting at ComfyUI, 1 before it" in behind.watcher.steps
    assert not [step for step in behind.watcher.steps if "of 9" in step]
    assert behind.clip.frames == 8


def test_an_interrupt_in_the_last_node_leaves_a_cancel_a_cancel(rendering: FakeRender) -> None:
    def cancelled(_: float, step: str) -> None:
        if step.startswith("encoding"):
            raise CancelledError("cancelled")

    rendering.comfy.misbehave(InterruptTooLate())
    rendering.watcher = RecordingWatcher(cancelled)
    with pytest.raises(CancelledError):
        rendering.run()
    assert not rendering.target.exists()


def _stalled(rendering: FakeRender) -> None:
    with pytest.raises(ComfyUIError):
        rendering.run()
