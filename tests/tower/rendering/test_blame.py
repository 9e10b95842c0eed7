"""Failures of different shots are the worker's, those of one shot on a well worker are the shot's."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.rendering import RenderSegment
from db.models.workers import Worker, WorkerState
from tower.clients.comfyui.errors import NodeFailure
from tower.engines.base import Shot
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments, workers
from tower.rendering.blame import MAX_SERVER_FAILURES, deserves_another_attempt
from tower.rendering.forecast import forecast_job
from tower.rendering.segments import SegmentPlan

SHOT = Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24)
NAME = "gpu@box"


@pytest.fixture
def worker(session: Session) -> Worker:
    return add_worker(session, NAME)


def add_worker(session: Session, name: str) -> Worker:
    worker = Worker(name=name, host="box", slots=1, engine="comfyui", engines=["comfyui"])
    session.add(worker)
    session.flush()
    return worker


def open_attempt(session: Session) -> Attempt:
    job = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.STANDARD)
    return attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)


def fail(session: Session, attempt: Attempt, code: str, *, seed: int) -> RenderSegment:
    """Fail one more attempt at the shot with this seed, as the render task does."""
    plan = SegmentPlan(1, replace(SHOT, seed=seed), "comfyui", f"{seed:064d}", reuse=False)
    row = segments.open_segment(session, attempt, plan)
    segments.claim_segment(session, row.id, flow_run_id=uuid.uuid4(), worker=NAME, process="p")
    error = RenderError("it failed", code=ErrorCode[code])
    segments.fail_segment(session, row.id, error)
    if workers.is_worker_fault(error):
        workers.record_failure(session, NAME, error)
    session.flush()
    session.refresh(row)
    return row


@pytest.mark.parametrize("code", ["COMFYUI_OOM", "COMFYUI_MISSING_MODEL", "COMFYUI_FAILED"])
def test_one_shot_that_keeps_failing_rests_no_worker(session: Session, worker: Worker, code: str) -> None:
    attempt = open_attempt(session)
    rows = [fail(session, attempt, code, seed=1) for _ in range(4)]
    assert (worker.state, worker.failures_in_a_row) == (WorkerState.READY, 1)
    assert not deserves_another_attempt(session, rows[0])


@pytest.mark.parametrize("code", ["COMFYUI_OOM", "COMFYUI_FAILED"])
def test_different_shots_that_fail_alike_rest_the_worker_and_wait(session: Session, worker: Worker, code: str) -> None:
    rows = [fail(session, open_attempt(session), code, seed=seed) for seed in range(3)]
    assert worker.state == WorkerState.UNWELL
    assert deserves_another_attempt(session, rows[-1])


def test_a_shot_that_one_worker_fails_is_tried_on_another_one(session: Session, worker: Worker) -> None:
    row = fail(session, open_attempt(session), "COMFYUI_OOM", seed=1)
    assert not deserves_another_attempt(session, row)
    add_worker(session, "gpu@other")
    assert deserves_another_attempt(session, row)


@pytest.mark.parametrize("code", ["COMFYUI_SICK", "COMFYUI_LOCKED", "DISK_FULL"])
def test_a_full_disk_rests_the_worker_at_once_and_its_jobs_wait_with_the_reason(
    session: Session, worker: Worker, code: str
) -> None:
    attempt = open_attempt(session)
    rows = [fail(session, attempt, code, seed=1)]
    assert worker.state == WorkerState.UNWELL
    assert deserves_another_attempt(session, rows[0])
    waiting = lifecycle.open_job(session, GenerationSpec(prompt="y"), job_type=JobType.STANDARD)
    forecast = forecast_job(session, waiting)
    assert forecast.step == f"waiting: {NAME} rests: it failed"
    assert forecast.eta_s is None
    rows += [fail(session, attempt, code, seed=1) for _ in range(MAX_SERVER_FAILURES - 1)]
    assert not deserves_another_attempt(session, rows[-1])


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("[Errno 28] No space left on device: 'output/x.png'", "COMFYUI_SICK"),
        (
            "An error occurred in the ffmpeg subprocess:\nav_interleaved_write_frame(): No space left on device",
            "COMFYUI_SICK",
        ),
        ("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be", "COMFYUI_SICK"),
        ("CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`", "COMFYUI_SICK"),
        ("CUDA error: out of memory", "COMFYUI_OOM"),
        ("mat1 and mat2 shapes cannot be multiplied", "COMFYUI_FAILED"),
    ],
)
def test_a_nodes_message_tells_a_sick_server(message: str, code: str) -> None:
    assert NodeFailure("7", "KSampler", "RuntimeError", message).to_error().code == code
