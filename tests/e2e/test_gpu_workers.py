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


def states(stack: RunningStack) -> dict[str, str]:
    return {name: worker.state.value for name, worker in worker_rows(stack).items()}


def renderers_of(segments: list[RenderSegment]) -> set[str]:
    return {str(row.worker).split("@")[0] for row in segments}


def count_simultaneous(segments: list[RenderSegment], name: str) -> int:
    """The most segments that this worker rendered at the same time."""
    mine = [row for row in segments if str(row.worker).startswith(f"{name}@")]
    spans = [(row.started_at, row.ended_at) for row in mine if row.started_at and row.ended_at]
    return max(
        (sum(other_start <= start < other_end for other_start, other_end in spans) for start, _ in spans), default=0
    )


def test_each_worker_reports_its_gpu_and_slots(stack: RunningStack, workers: Workers) -> None:
    _wait_until(lambda: set(SLOTS) <= set(worker_rows(stack)), within_s=60)
    for name, slots in SLOTS.items():
        worker = worker_rows(stack)[name]
        assert (worker.state, worker.slots, worker.engine) == ("ready", slots, "comfyui")
        assert (worker.gpu, worker.vram_total_bytes, worker.comfyui_url) == (name, 2**33, workers[name].comfy.url)
    assert worker_rows(stack)["gpu"].comfyui_url is None


def test_a_job_survives_two_bad_workers_beside_a_good_one(stack: RunningStack, workers: Workers) -> None:
    workers["full"].comfy.misbehave(OutOfMemory(times=None))
    workers["away"].comfy.kill()
    job = finished_job(stack)
    assert job["status"] == "completed", job["error"]
    assert probe(Path(job["output_path"])).frames == SECONDS * 24

    segments = rows(stack, job["job_id"])
    completed = [row for row in segments if row.state == "completed"]
    assert (renderers_of(completed), len(completed)) == ({"good"}, SECONDS)
    failed = [row for row in segments if row.state == "failed"]
    assert {(str(row.worker).split("@")[0], row.error_code) for row in failed} == {
        ("full", "COMFYUI_OOM"),
        ("away", "COMFYUI_UNREACHABLE"),
    }
    taken_before_a_rest = [row for row in segments if row.state == "superseded"]
    assert {row.error_code for row in taken_before_a_rest} <= {"RUN_NOT_STARTED"}
    assert len(completed + failed + taken_before_a_rest) == len(segments)
    assert len([text for text in job["warnings"] if text.startswith("Attempt ")]) == len(failed)


def test_bad_workers_rest_with_a_reason(stack: RunningStack, workers: Workers) -> None:
    _wait_until(lambda: all("takes no more" in workers[name].log_text for name in ("full", "away")), within_s=60)
    answer: dict[str, Any] = patient.get(f"{stack.addresses.production_url}/workers").json()
    failures = {worker["name"].split("@")[0]: worker["report"] for worker in answer["workers"] if worker["report"]}
    assert "ran out of memory" in failures["full"]["last_failure"]
    assert workers["away"].comfy.url in failures["away"]["last_failure"]
    assert failures["full"]["last_failure"] in workers["full"].log_text
    assert failures["good"]["failures_in_a_row"] == 0
    assert "takes no more" not in workers["good"].log_text


def test_recovered_workers_return_and_share_the_next_job(stack: RunningStack, workers: Workers) -> None:
    workers["full"].comfy.stop_misbehaving()
    workers["away"].comfy.start()
    _wait_until(lambda: all("takes runs again" in workers[name].log_text for name in ("full", "away")), within_s=60)
    _wait_until(lambda: all("is up again" in workers[name].log_text for name in ("full", "away")), within_s=60)
    job = finished_job(stack)
    assert job["status"] == "completed", job["error"]
    segments = rows(stack, job["job_id"])
    assert [row.attempt for row in segments] == [1] * SECONDS
    assert renderers_of(segments) == set(SLOTS)
    assert all(count_simultaneous(segments, name) <= slots for name, slots in SLOTS.items())
    assert worker_rows(stack)["full"].failures_in_a_row == 0


def test_a_stopped_worker_reports_its_end(stack: RunningStack, workers: Workers) -> None:
    workers["good"].process.terminate()
    assert workers["good"].process.wait(timeout=30) == 0
    assert states(stack)["good"] == WorkerState.STOPPED
