"""Failures of different shots are the worker's, those of one shot on a well worker are the shot's."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from db.models.workers import Worker, WorkerState
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tower.clients.comfyui.errors import NodeFailure
from tower.engines.base import Shot
from tower.errors import RenderError
from tower.errors.codes import ErrorCode
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments, workers
from tower.rendering.blame import MAX_SERVER_FAILURES, MAX_SHOT_FAILURES, Verdict, judge_failure
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


def queue(session: Session, attempt: Attempt, *, seed: int) -> RenderSegment:
    plan = SegmentPlan(1, replace(SHOT, seed=seed), "comfyui", f"{seed:064d}", reuse=False)
    return segments.open_segment(session, attempt, plan)


def fail(
    session: Session, attempt: Attempt, code: str, *, seed: int, message: str = "it failed", worker: str = NAME
) -> RenderSegment:
    """Fail one more attempt at the shot with this seed, as the render task does."""
    row = queue(session, attempt, seed=seed)
    segments.claim_segment(session, row.id, flow_run_id=uuid.uuid4(), worker=worker, process="p")
    error = RenderError(message, code=ErrorCode[code])
    segments.fail_segment(session, row.id, error)
    if workers.is_worker_fault(error):
        workers.record_failure(session, worker, error)
    session.flush()
    session.refresh(row)
    return row


def succeed(session: Session, row: RenderSegment) -> None:
    """End a queued shot as rendered by the worker, later than all that failed before."""
    row.asset_id, row.ended_at = add_take(session, row.job_id), datetime.now(UTC) + timedelta(seconds=1)
    row.state, row.worker, row.progress = SegmentState.COMPLETED, NAME, 1.0
    workers.record_success(session, NAME)
    session.flush()


def add_take(session: Session, job_id: int) -> int:
    take = Asset(kind=AssetKind.VIDEO, path=f"/{uuid.uuid4()}.mp4", sha256="0" * 64, bytes=1, probe={}, job_id=job_id)
    take.provenance = {"engine": "comfyui", "engine_version": "1"}
    session.add(take)
    session.flush()
    return take.id


@pytest.mark.parametrize("code", ["COMFYUI_OOM", "COMFYUI_MISSING_MODEL", "COMFYUI_FAILED"])
def test_one_shot_that_keeps_failing_rests_no_worker(session: Session, worker: Worker, code: str) -> None:
    attempt = open_attempt(session)
    rows = [fail(session, attempt, code, seed=1) for _ in range(4)]
    assert worker.state == WorkerState.READY
    assert judge_failure(session, rows[0]) is Verdict.FAIL


@pytest.mark.parametrize("code", ["COMFYUI_OOM", "COMFYUI_FAILED"])
def test_different_shots_that_fail_alike_rest_the_worker_and_are_all_tried_again(
    session: Session, worker: Worker, code: str
) -> None:
    """The first two shots wait for the third, as they cannot know yet."""
    attempts = [open_attempt(session) for _ in range(3)]
    waiting = [queue(session, attempt, seed=seed) for seed, attempt in enumerate(attempts)]
    rows = []
    for seed, attempt in enumerate(attempts[:2]):
        rows.append(fail(session, attempt, code, seed=seed, message=f"no kernel image at node {seed} (KSampler)"))
        assert judge_failure(session, rows[-1]) is Verdict.WAIT
    rows.append(fail(session, attempts[2], code, seed=2, message="no kernel image at node 9 (KSampler)"))
    assert worker.state == WorkerState.UNWELL
    assert [judge_failure(session, row) for row in rows] == [Verdict.RETRY] * 3
    assert [row.id for row in waiting] == [row.id for row in rows]
    for _ in range(MAX_SHOT_FAILURES - 1):
        fail(session, attempts[0], code, seed=0)
    assert judge_failure(session, rows[0]) is Verdict.FAIL


def test_a_shot_that_fails_where_another_one_renders_is_at_fault(session: Session, worker: Worker) -> None:
    good = queue(session, open_attempt(session), seed=7)
    bad = fail(session, open_attempt(session), "COMFYUI_OOM", seed=1)
    assert judge_failure(session, bad) is Verdict.WAIT
    succeed(session, good)
    assert judge_failure(session, bad) is Verdict.FAIL
    assert worker.state == WorkerState.READY


def test_shots_that_fail_with_different_errors_rest_no_worker(session: Session, worker: Worker) -> None:
    for seed, message in enumerate(("shapes cannot be multiplied", "no such sampler", "invalid image")):
        fail(session, open_attempt(session), "COMFYUI_FAILED", seed=seed, message=message)
    assert worker.state == WorkerState.READY


@pytest.mark.parametrize("code", ["COMFYUI_MISSING_MODEL", "COMFYUI_MISSING_NODE"])
def test_shots_that_name_what_the_server_lacks_rest_no_worker(session: Session, worker: Worker, code: str) -> None:
    rows = [fail(session, open_attempt(session), code, seed=seed) for seed in range(4)]
    assert (worker.state, worker.failures_in_a_row, worker.last_failure) == (WorkerState.READY, 0, "it failed")
    assert judge_failure(session, rows[-1]) is Verdict.FAIL


def test_a_shot_that_one_worker_fails_is_tried_on_another_one(session: Session, worker: Worker) -> None:
    row = fail(session, open_attempt(session), "COMFYUI_OOM", seed=1)
    assert judge_failure(session, row) is Verdict.FAIL
    add_worker(session, "gpu@other")
    assert judge_failure(session, row) is Verdict.RETRY


@pytest.mark.parametrize("code", ["COMFYUI_SICK", "COMFYUI_LOCKED", "DISK_FULL"])
def test_a_full_disk_rests_the_worker_at_once_and_its_jobs_wait_with_the_reason(
    session: Session, worker: Worker, code: str
) -> None:
    attempt = open_attempt(session)
    rows = [fail(session, attempt, code, seed=1)]
    assert worker.state == WorkerState.UNWELL
    assert judge_failure(session, rows[0]) is Verdict.RETRY
    waiting = lifecycle.open_job(session, GenerationSpec(prompt="y"), job_type=JobType.STANDARD)
    forecast = forecast_job(session, waiting, ANIMATIC_STUDIO)
    assert forecast.step == f"waiting: {NAME} rests: it failed"
    assert forecast.eta_s is None
    rows += [fail(session, attempt, code, seed=1) for _ in range(MAX_SERVER_FAILURES - 1)]
    assert judge_failure(session, rows[-1]) is Verdict.FAIL


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
