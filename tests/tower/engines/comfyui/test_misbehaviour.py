"""For each misbehaviour of a server, a render gives the requested clip or fails with one sentence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests import patient
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
    PasswordRequired,
    Previews,
    ProxyAnswer,
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
from tests.tower.engines.comfyui.comfyui_shots import (
    DOCUMENTED_MODELS,
    SHORT_PATIENCE,
    FakeRender,
    RecordingWatcher,
    build_shot,
)
from tower.addresses import Address
from tower.clients.comfyui.client import ComfyUIClient
from tower.clients.comfyui.errors import ComfyUIError, ComfyUIFault
from tower.clients.comfyui.jobs import PromptStatus
from tower.engines.comfyui.engine import ComfyUIEngine, run_ids
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
    "misbehaviour",
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
def test_a_recoverable_fault_causes_no_second_render(rendering: FakeRender, misbehaviour: Misbehaviour) -> None:
    if isinstance(misbehaviour, ServerError):
        misbehaviour = ServerError(path=misbehaviour.path.format(prompt_id=rendering.prompt_id))
    rendering.timeout_s = 1.0
    rendering.comfy.misbehave(misbehaviour, Slow(seconds_per_step=0.1))
    assert rendering.run() == ()
    assert rendering.clip.frames == 8
    assert len(rendering.comfy.prompts) == 1


def test_a_silent_socket_is_reopened_and_reports_the_steps(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(SilentSocket(after_messages=2), Slow(seconds_per_step=0.4))
    rendering.run(steps=8)
    assert {"step 5 of 8", "step 6 of 8", "step 7 of 8"} & set(rendering.watcher.steps)


@pytest.mark.parametrize(("status", "form"), [(429, "json"), (502, "html"), (404, "json")])
def test_a_busy_proxy_in_the_middle_of_a_run_queues_nothing_again(
    rendering: FakeRender, status: int, form: str
) -> None:
    def busy_at_first_step(_fraction: float, step: str) -> None:
        if step.startswith("step 1 "):
            rendering.watcher.on_progress = lambda *_: None
            rendering.comfy.misbehave(ProxyAnswer(path="/api/jobs/", status=status, form=form, times=8))

    rendering.watcher.on_progress = busy_at_first_step
    rendering.comfy.misbehave(Slow(seconds_per_step=0.3))
    assert rendering.run() == ()
    assert len(rendering.comfy.prompts) == 1


@pytest.mark.parametrize(
    ("login", "lock"),
    [
        ({"user": "kai", "password": "s3cret", "bearer_token": None}, "Basic a2FpOnMzY3JldA=="),
        ({"user": None, "password": None, "bearer_token": "s3cret"}, "Bearer s3cret"),
    ],
)
def test_a_render_logs_in_at_a_proxy(
    comfy: FakeComfyUI, tmp_path: Path, login: dict[str, str | None], lock: str
) -> None:
    comfy.misbehave(PasswordRequired(authorization=lock, query="room=7"))
    address = Address(f"{comfy.url}?room=7").with_login(**login)
    with ComfyUIClient(address) as client:
        remarks = ComfyUIEngine(client, follow_timeouts=SHORT_PATIENCE).render(
            build_shot(), prompt_id=str(uuid4()), target=tmp_path / "clip.mp4", watch=RecordingWatcher()
        )
        assert "s3cret" not in repr(client)
    assert remarks == ()


def test_a_submit_with_a_server_error_is_repeated_and_queued_once(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(ServerError(path="/prompt"))
    rendering.run()
    assert len(rendering.comfy.prompts) == 1


@pytest.mark.parametrize(
    ("fault", "misbehaviour"), [(ComfyUIFault.BROKEN, ServerError), (ComfyUIFault.UNREACHABLE, Hangs)]
)
def test_a_server_that_never_accepts_a_prompt_is_reported(
    rendering: FakeRender, fault: ComfyUIFault, misbehaviour: type[ServerError | Hangs]
) -> None:
    rendering.timeout_s = 0.3
    rendering.comfy.misbehave(misbehaviour(path="/prompt", times=None))
    with pytest.raises(ComfyUIError) as error:
        rendering.run()
    assert error.value.fault is fault
    assert is_worker_fault(error.value)
    assert not rendering.target.exists()


def test_a_hanging_request_does_not_end_a_render(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(SocketRefused(times=None), Slow(seconds_per_step=0.2))
    rendering.comfy.misbehave(Hangs(path=f"/jobs/{rendering.prompt_id}", times=2))
    rendering.timeout_s = 0.5
    rendering.run()
    assert rendering.clip.frames == 8
    assert len(rendering.comfy.prompts) == 1


def test_a_missing_server_is_unreachable(rendering: FakeRender) -> None:
    rendering.comfy.kill()
    with pytest.raises(ComfyUIError, match="does not answer at http://127") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.UNREACHABLE


def test_node_errors_with_status_200_are_a_refusal_and_nothing_continues(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(NodeErrors())
    with pytest.raises(ComfyUIError, match=r"node 10 \(VHS_VideoCombine\)") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.REFUSED
    assert not is_worker_fault(error.value)
    with ComfyUIClient(rendering.comfy.url) as client:
        assert not client.get_job(rendering.prompt_id).is_live


@pytest.mark.parametrize("workflow", ["animatediff", "core_video"])
@pytest.mark.parametrize(
    "misbehaviour",
    [SuccessWithoutFile(), ShortFile(share=0.5), GarbageFile(), WrongFrameCount(by=-1), WrongFrameCount(by=3)],
    ids=str,
)
def test_a_bad_file_is_rendered_once_more_under_another_id(
    rendering: FakeRender, misbehaviour: Misbehaviour, workflow: str
) -> None:
    rendering.comfy.misbehave(misbehaviour)
    [remark] = rendering.run(graph=builtin_workflows()[workflow].workflow)
    assert remark.startswith("Rendered again, because: ")
    assert rendering.clip.frames == 8
    assert [prompt.prompt_id for prompt in rendering.comfy.prompts] == list(run_ids(rendering.prompt_id))[:2]


@pytest.mark.parametrize(
    ("misbehaviour", "fault"),
    [
        (SuccessWithoutFile(times=None), ComfyUIFault.NO_FILE),
        (GarbageFile(times=None), ComfyUIFault.BAD_FILE),
        (ShortFile(times=None), ComfyUIFault.BAD_FILE),
        (WrongFrameCount(times=None), ComfyUIFault.WRONG_FRAMES),
    ],
    ids=str,
)
def test_a_file_that_stays_bad_fails_after_two_runs(
    rendering: FakeRender, misbehaviour: Misbehaviour, fault: ComfyUIFault
) -> None:
    rendering.comfy.misbehave(misbehaviour)
    with pytest.raises(ComfyUIError) as error:
        rendering.run()
    assert error.value.fault is fault
    assert len(rendering.comfy.prompts) == 2
    assert list(rendering.target.parent.iterdir()) == []


def test_a_cached_result_without_its_file_is_saved_again(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(CachedFileGone())
    [remark] = rendering.run()
    assert "does not have it" in remark
    assert rendering.clip.frames == 8
    assert len(rendering.comfy.prompts) == 2


def test_an_interrupted_download_resumes_where_it_stopped(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(TruncatedDownload(share=0.5, times=3))
    rendering.run()
    assert rendering.clip.frames == 8
    assert rendering.comfy.requests.count(("GET", "/view")) >= 3


@pytest.mark.parametrize("down_s", [0.0, 0.8])
def test_a_prompt_lost_in_a_restart_is_submitted_again(rendering: FakeRender, down_s: float) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.1), RestartMidRun(at_step=2, down_s=down_s))
    [remark] = rendering.run()
    assert "sent again" in remark
    assert rendering.clip.frames == 8
    assert [prompt.prompt_id for prompt in rendering.comfy.prompts] == [rendering.prompt_id] * 2


def test_a_render_fails_after_repeated_restarts(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(RestartMidRun(at_step=1, times=None))
    with pytest.raises(ComfyUIError, match="lost the prompt 3 times") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.LOST
    assert is_worker_fault(error.value)


def test_a_server_that_stays_away_is_unreachable(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.5))
    rendering.watcher = RecordingWatcher(lambda _, step: rendering.comfy.kill() if step == "step 1 of 4" else None)
    with pytest.raises(ComfyUIError) as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.UNREACHABLE
    assert "ComfyUI does not answer, waiting for it" in rendering.watcher.steps


def test_a_dead_worker_thread_is_stalled(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(DeadWorker())
    rendering.limits = {"no_progress_s": 2.5, "stop_s": 0.3}  # The client reopens the socket meanwhile.
    with pytest.raises(ComfyUIError, match=r"no progress at node 8 \(KSampler\)") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.STALLED
    assert is_worker_fault(error.value)
    assert ("POST", "/interrupt") in rendering.comfy.requests


def test_a_slow_render_is_not_stalled(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(Slow(seconds_per_step=0.5))
    rendering.limits = {"no_progress_s": 1.0}
    rendering.run(steps=5)
    assert rendering.clip.frames == 8


def test_a_queue_that_never_moves_is_stalled(comfy: FakeComfyUI, tmp_path: Path) -> None:
    comfy.misbehave(DeadWorker())
    limits = {"no_progress_s": 1.0, "stop_s": 0.1}
    dead = threading.Thread(target=_stalled, args=(FakeRender(comfy, tmp_path / "a.mp4", limits=limits),))
    dead.start()
    deadline = time.monotonic() + 60
    while not comfy.prompts:
        assert time.monotonic() < deadline, "nothing was sent"
        time.sleep(0.01)
    behind = FakeRender(comfy, tmp_path / "b.mp4", limits={"queue_stalled_s": 1.0})
    with pytest.raises(ComfyUIError, match="its queue has not moved") as error:
        behind.run()
    assert error.value.fault is ComfyUIFault.STALLED
    with ComfyUIClient(comfy.url) as client:
        assert client.get_job(behind.prompt_id).status is PromptStatus.UNKNOWN
    dead.join()


def test_out_of_memory_frees_models_and_renders_again_with_a_smaller_window(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(OutOfMemory(above_context=16, times=None))
    [remark] = rendering.run(frames=40)
    assert "window of 16 frames instead of 24" in remark
    assert rendering.comfy.frees == [{"unload_models": True, "free_memory": True}]
    assert any(remark in step for step in rendering.watcher.steps)
    first, second = rendering.comfy.prompts
    assert first.prompt_id != second.prompt_id
    assert second.graph["6"]["inputs"]["context_overlap"] == 4
    assert rendering.clip.frames == 40


def test_out_of_memory_without_a_window_is_retried_unchanged(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(OutOfMemory(until_freed=True, times=None))
    [remark] = rendering.run(graph=builtin_workflows()["core_video"].workflow)
    assert "unchanged" in remark
    assert rendering.clip.frames == 8


def test_out_of_memory_twice_is_reported(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(OutOfMemory(times=None))
    with pytest.raises(ComfyUIError, match="ran out of memory at node") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.OOM
    assert is_worker_fault(error.value)
    assert len(rendering.comfy.prompts) == 2


def test_a_failing_node_is_named_with_the_servers_message(rendering: FakeRender) -> None:
    rendering.comfy.misbehave(NodeFails(at="VAEDecode", message="shapes cannot be multiplied\nmore"))
    with pytest.raises(ComfyUIError, match=r"node 9 \(VAEDecode\): shapes cannot be multiplied$") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.FAILED
    assert len(rendering.comfy.prompts) == 1


def test_a_truncated_model_file_is_a_fault_of_the_worker(rendering: FakeRender) -> None:
    with pytest.raises(ComfyUIError, match="download the file again") as error:
        rendering.run(model="truncated_download.safetensors")
    assert error.value.fault is ComfyUIFault.BAD_MODEL
    assert is_worker_fault(error.value)


def test_an_interrupt_by_another_client_is_reported_as_such(rendering: FakeRender) -> None:
    def interrupted(_: float, step: str) -> None:
        if step == "step 1 of 4":
            with ComfyUIClient(rendering.comfy.url) as client:
                client.cancel(rendering.prompt_id)

    rendering.comfy.misbehave(Slow(seconds_per_step=0.3))
    rendering.watcher = RecordingWatcher(interrupted)
    with pytest.raises(ComfyUIError, match="Someone stopped this render") as error:
        rendering.run()
    assert error.value.fault is ComfyUIFault.INTERRUPTED


def test_progress_of_other_clients_prompts_is_ignored(rendering: FakeRender) -> None:
    """Every socket receives messages of prompts without a client id."""
    rendering.run(frames=4)
    [ours] = rendering.comfy.prompts
    other_graph = {
        **ours.graph,
        "8": {**ours.graph["8"], "inputs": {**ours.graph["8"]["inputs"], "steps": 9, "seed": 99}},
    }
    rendering.comfy.misbehave(Slow(seconds_per_step=0.1))
    patient.post(f"{rendering.comfy.url}/prompt", json={"prompt": other_graph}).raise_for_status()
    behind = FakeRender(rendering.comfy, rendering.target.with_name("behind.mp4"))
    behind.run()
    assert "waiting at ComfyUI, 1 before it" in behind.watcher.steps
    assert not [step for step in behind.watcher.steps if "of 9" in step]
    assert behind.clip.frames == 8


def test_a_cancel_holds_even_if_the_interrupt_comes_in_the_last_node(rendering: FakeRender) -> None:
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
