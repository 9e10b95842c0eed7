"""Several gpu workers with one ComfyUI each share the work, and a bad one does no harm."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.models.rendering import RenderSegment
from db.models.workers import Worker, WorkerState
from deployments.environment import warm_socket_path
from tests import patient
from tests.e2e.conftest import TOWER, RunningStack
from tests.fakes.comfyui.misbehaviour import OutOfMemory
from tests.fakes.comfyui.nodes import RenderPace
from tests.fakes.comfyui.server import FakeComfyUI
from tests.fakes.comfyui.setup import FakeGpu
from tower.clients.production import END_STATUSES
from tower.media.probe import probe

pytestmark = pytest.mark.e2e
MODELS = {"animatediff_models": ["mm-Stabilized_high.pth"]}
PACE = RenderPace(per_frame_s=0.08)  # a segment takes longer than the polling offset between workers
SLOTS = {"good": 1, "full": 3, "away": 3}  # three simultaneous failures count as three in a row
SECONDS = sum(SLOTS.values())
SHOT = {"prompt": "rain on a tin roof", "duration": SECONDS, "width": 256, "height": 256, "engine": "comfyui"}


@dataclass(frozen=True)
class GpuWorker:
    """`tower worker gpu` as a user starts it, with its own ComfyUI."""

    process: subprocess.Popen[bytes]
    comfy: FakeComfyUI
    log: Path

    @property
    def log_text(self) -> str:
        return self.log.read_text()


Workers = dict[str, GpuWorker]


@pytest.fixture(scope="module")
def workers(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Three running workers beside the stack's own, which has no ComfyUI."""
    folder = tmp_path_factory.mktemp("workers")
    with ExitStack() as end:
        started = {}
        for name in SLOTS:
            comfy = end.enter_context(
                FakeComfyUI(models=MODELS, pace=PACE, gpu=FakeGpu(f"cuda:0 {name} : native", 2**33))
            )
            started[name] = _started(stack, name, comfy, folder / f"{name}.log")
            end.callback(started[name].process.wait, timeout=30)
            end.callback(started[name].process.terminate)
        for worker in started.values():
            _wait_until(lambda worker=worker: "takes runs from" in worker.log_text, within_s=180)  # type: ignore[misc]
        yield started


def _started(stack: RunningStack, name: str, comfy: FakeComfyUI, log: Path) -> GpuWorker:
    env = {
        **stack.env,
        "TOWER_DATABASE_URL": stack.addresses.database_url,
        "PREFECT_API_URL": stack.addresses.prefect_api_url,
        "PREFECT_API_AUTH_STRING": stack.addresses.prefect_auth_string or "",
        "TOWER_WARM_SOCKET": str(warm_socket_path(stack.addresses.data_dir)),  # all of them share one warm start
    }
    options = ("--comfyui", comfy.url, "--slots", str(SLOTS[name]), "--name", name)
    with log.open("wb") as out:
        process = subprocess.Popen([*TOWER, "worker", "gpu", *options], env=env, stdout=out, stderr=subprocess.STDOUT)
    return GpuWorker(process, comfy, log)


def _wait_until(condition: Callable[[], bool], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"the condition is false after {within_s} s"
        time.sleep(0.1)


def finished_job(stack: RunningStack) -> dict[str, Any]:
    """A finished shot. It takes up to twenty runs, which is slow on a busy machine."""
    accepted = stack.api.generate(SHOT, fast=True)
    return stack.wait_for_job(accepted["job_id"], lambda job: job["status"] in END_STATUSES, limit_s=300)


def rows(stack: RunningStack, job_id: int) -> list[RenderSegment]:
    with stack.sessions() as session:
        return list(session.scalars(select(RenderSegment).filter_by(job_id=job_id)))


def worker_rows(stack: RunningStack) -> dict[str, Worker]:
    """The rows of workers by the name of each at its start."""
    with stack.sessions() as session:
        return {worker.name.split("@")[0]: worker for worker in session.scalars(select(Worker))}


def count_simultaneous(segments: list[RenderSegment], name: str) -> int:
    """The most segments that this worker rendered at the same time."""
    mine = [row for row in segments if str(row.worker).startswith(f"{name}@")]
    spans = [(row.started_at, row.ended_at) for row in mine if row.started_at and row.ended_at]
    return max(
        (sum(other_start <= start < other_end for other_start, other_end in spans) for start, _ in spans), default=0
    )


@dataclass(frozen=True)
class Finished:
    """A finished shot, its segments, and the workers after it: their rows, and their part of the API's answer."""

    job: dict[str, Any]
    segments: list[RenderSegment]
    workers: dict[str, Worker]
    answers: dict[str, dict[str, Any]]

    def renderers(self, state: str) -> list[str]:
        return [str(row.worker).split("@")[0] for row in self.segments if row.state == state]


def finish_shot(stack: RunningStack, is_over: Callable[[], bool]) -> Finished:
    """Render a shot and wait for what happens to the workers then."""
    job = finished_job(stack)
    _wait_until(is_over, within_s=60)
    answer = patient.get(f"{stack.addresses.production_url}/workers").json()
    answers = {worker["name"].split("@")[0]: worker["report"] for worker in answer["workers"] if worker["report"]}
    return Finished(job, rows(stack, job["job_id"]), worker_rows(stack), answers)


@pytest.fixture(scope="module")
def begun(stack: RunningStack, workers: Workers) -> dict[str, Worker]:
    """The rows of the workers before their first shot."""
    _wait_until(lambda: set(SLOTS) <= set(worker_rows(stack)), within_s=60)
    return worker_rows(stack)


@pytest.fixture(scope="module")
def beside_bad_ones(stack: RunningStack, workers: Workers, begun: dict[str, Worker]) -> Finished:
    """A shot while one worker has no memory and another no ComfyUI."""
    workers["full"].comfy.misbehave(OutOfMemory(times=None))
    workers["away"].comfy.kill()
    return finish_shot(stack, lambda: all("takes no more" in workers[name].log_text for name in ("full", "away")))


@pytest.fixture(scope="module")
def recovered(stack: RunningStack, workers: Workers, beside_bad_ones: Finished) -> Finished:
    """A shot after both are well again."""
    workers["full"].comfy.stop_misbehaving()
    workers["away"].comfy.start()
    for text in ("takes runs again", "is up again"):
        _wait_until(lambda text=text: all(text in workers[name].log_text for name in ("full", "away")), within_s=60)  # type: ignore[misc]
    return finish_shot(stack, lambda: True)


def test_each_worker_reports_its_gpu_and_slots(workers: Workers, begun: dict[str, Worker]) -> None:
    for name, slots in SLOTS.items():
        worker = begun[name]
        assert (worker.state, worker.slots, worker.engine) == ("ready", slots, "comfyui")
        assert (worker.gpu, worker.vram_total_bytes, worker.comfyui_url) == (name, 2**33, workers[name].comfy.url)
    assert begun["gpu"].comfyui_url is None


def test_a_job_survives_two_bad_workers_beside_a_good_one(beside_bad_ones: Finished) -> None:
    job, segments = beside_bad_ones.job, beside_bad_ones.segments
    assert job["status"] == "completed", job["error"]
    assert probe(Path(job["output_path"])).frames == SECONDS * 24
    completed = beside_bad_ones.renderers("completed")
    assert (set(completed), len(completed)) == ({"good"}, SECONDS)
    failed = [row for row in segments if row.state == "failed"]
    assert {(str(row.worker).split("@")[0], row.error_code) for row in failed} == {
        ("full", "COMFYUI_OOM"),
        ("away", "COMFYUI_UNREACHABLE"),
    }
    taken_before_a_rest = [row for row in segments if row.state == "superseded"]
    assert {row.error_code for row in taken_before_a_rest} <= {"RUN_NOT_STARTED"}
    assert len(completed) + len(failed + taken_before_a_rest) == len(segments)
    assert len([text for text in job["warnings"] if text.startswith("Attempt ")]) == len(failed)


def test_bad_workers_rest_with_a_reason(workers: Workers, beside_bad_ones: Finished) -> None:
    failures = beside_bad_ones.answers
    assert "ran out of memory" in failures["full"]["last_failure"]
    assert workers["away"].comfy.url in failures["away"]["last_failure"]
    assert failures["full"]["last_failure"] in workers["full"].log_text
    assert failures["good"]["failures_in_a_row"] == 0
    assert "takes no more" not in workers["good"].log_text


def test_recovered_workers_return_and_share_the_next_job(recovered: Finished) -> None:
    assert recovered.job["status"] == "completed", recovered.job["error"]
    assert [row.attempt for row in recovered.segments] == [1] * SECONDS
    renderers = recovered.renderers("completed")
    assert (set(renderers), len(renderers)) == (set(SLOTS), SECONDS)
    assert all(count_simultaneous(recovered.segments, name) <= slots for name, slots in SLOTS.items())
    assert recovered.workers["full"].failures_in_a_row == 0


@pytest.mark.usefixtures("recovered")
def test_a_stopped_worker_reports_its_end(stack: RunningStack, workers: Workers) -> None:
    workers["good"].process.terminate()
    assert workers["good"].process.wait(timeout=30) == 0
    assert worker_rows(stack)["good"].state == WorkerState.STOPPED
