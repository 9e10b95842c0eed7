"""The place of a waiting job in the queue, and the seconds that remain of each job."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, JobType, ProductionJob, Stage
from db.models.rendering import RenderSegment
from db.models.workers import Worker, WorkerState
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tower.engines.base import Shot
from tower.jobs import attempts, lifecycle
from tower.jobs.analytics import count_pixels
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.forecast import NO_FORECAST, forecast_job, forecast_jobs
from tower.rendering.live_jobs import read_live_jobs, read_waiting_groups
from tower.rendering.queue_eta import estimate_etas_s
from tower.rendering.queue_listing import list_live_jobs, list_started_jobs, sort_queue
from tower.rendering.segments import SegmentPlan

SPEC = GenerationSpec(prompt="neon city", width=256, height=256, duration_s=2, engine="animatic")
SHOT = Shot(prompt="neon city", negative_prompt="", seed=7, width=256, height=256, fps=24, frames=48)
TAKES_S = 60


@pytest.fixture
def history(session: Session) -> None:
    """One earlier job, whose render took a minute."""
    job = open_job(session)
    now = datetime.now(UTC)
    job.status, job.output_path = JobStatus.COMPLETED, "/x.mp4"
    job.started_at, job.ended_at = now - timedelta(seconds=TAKES_S), now
    session.flush()


@pytest.fixture
def worker(session: Session) -> None:
    session.add(Worker(name="gpu@box", host="box", slots=1, engine="animatic", state=WorkerState.READY))
    session.flush()


def open_job(session: Session) -> ProductionJob:
    return lifecycle.open_job(session, SPEC, job_type=JobType.STANDARD)


def open_waiting(session: Session) -> tuple[ProductionJob, RenderSegment]:
    """A job whose segment waits for a worker."""
    job = open_job(session)
    attempt = attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
    attempts.report_progress(session, attempt, stage=Stage.PROMPT, progress=0.02)
    row = segments.open_segment(session, attempt, SegmentPlan(1, SHOT, "animatic", uuid.uuid4().hex * 2))
    session.refresh(job)
    return job, row


def claim(session: Session, row: RenderSegment) -> None:
    segments.claim_segment(session, row.id, flow_run_id=uuid.uuid4(), worker="gpu@box", process="box:1")


def test_a_waiting_job_is_queued_and_not_at_the_render(session: Session) -> None:
    job, row = open_waiting(session)
    assert (job.stage, job.progress, job.step) == (Stage.QUEUED, 0.02, "waiting for a worker")
    claim(session, row)
    session.refresh(job)
    assert (job.stage, job.progress) == (Stage.RENDER, 0.05)
    assert forecast_job(session, job, ANIMATIC_STUDIO).place is None


@pytest.mark.usefixtures("history", "worker")
def test_the_estimate_counts_the_jobs_before_it(session: Session) -> None:
    jobs = [open_waiting(session)[0] for _ in range(3)] + [open_job(session)]
    found = forecast_jobs(session, jobs, ANIMATIC_STUDIO)
    assert [found[job.id].place for job in jobs] == [1, 2, 3, 4]
    assert [found[job.id].eta_s for job in jobs] == [TAKES_S, 2 * TAKES_S, 3 * TAKES_S, 4 * TAKES_S]
    assert [found[job.id].step for job in jobs[:2]] == ["waiting, next in line", "waiting, 1 before it"]
    assert {found[job.id].stage for job in jobs} == {Stage.QUEUED}


@pytest.mark.usefixtures("history")
def test_several_slots_shorten_the_wait(session: Session) -> None:
    session.add(Worker(name="gpu@box", host="box", slots=2, engine="animatic", state=WorkerState.READY))
    session.flush()
    jobs = [open_waiting(session)[0] for _ in range(3)]
    found = forecast_jobs(session, jobs, ANIMATIC_STUDIO)
    assert [found[job.id].eta_s for job in jobs] == [TAKES_S, TAKES_S, 2 * TAKES_S]


def test_the_time_in_the_queue_does_not_slow_the_own_speed(session: Session) -> None:
    """The job waited for an hour and has rendered half of its shot in 30 s."""
    job, row = open_waiting(session)
    claim(session, row)
    now = datetime.now(UTC)
    job.started_at, job.heartbeat_at = now - timedelta(hours=1), now
    row.started_at, job.progress = now - timedelta(seconds=30), 0.475
    session.flush()
    eta_s = forecast_job(session, job, ANIMATIC_STUDIO).eta_s
    assert eta_s is not None
    assert 30 < eta_s < 45


def test_without_a_history_nothing_is_promised(session: Session) -> None:
    job, _ = open_waiting(session)
    assert (forecast_job(session, job, ANIMATIC_STUDIO).place, forecast_job(session, job, ANIMATIC_STUDIO).eta_s) == (
        1,
        None,
    )


def test_an_ended_job_has_no_forecast(session: Session) -> None:
    job, _ = open_waiting(session)
    lifecycle.cancel_job(session, job.id)
    assert forecast_job(session, job, ANIMATIC_STUDIO) == NO_FORECAST


def test_a_forecast_reads_the_queue_in_as_many_statements_for_one_job_as_for_many_and_no_json(
    session: Session,
) -> None:
    job, _ = open_waiting(session)
    alone = record_statements(session, job)
    for _ in range(5):
        open_waiting(session)
    assert record_statements(session, job) == alone
    selected = [statement.partition("FROM")[0] for statement in alone]
    whole = ("production_jobs.parameters,", "production_jobs.steps", "production_jobs.warnings", "render_queue.shot,")
    assert not [text for text in selected for column in whole if column in text]


def test_jobs_that_wait_for_their_recipe_are_read_in_groups_and_keep_their_order(
    session: Session, history: None
) -> None:
    working, _ = open_waiting(session)
    small, large, last = (
        lifecycle.open_job(session, SPEC.model_copy(update={"width": width}), job_type=JobType.STANDARD)
        for width in (256, 512, 256)
    )
    groups = read_waiting_groups(session)
    assert sorted((list(group.ids), group.pixels) for group in groups) == [
        ([small.id, last.id], count_pixels(SPEC)),
        ([large.id], 2 * count_pixels(SPEC)),
    ]
    found = forecast_jobs(session, [last, large, working, small], ANIMATIC_STUDIO)
    assert [found[job.id].place for job in (working, small, large, last)] == [1, 2, 3, 4]
    etas_s = estimate_etas_s(session, sort_queue(list_live_jobs(session)), slots=1, paused=False)
    assert {job_id: etas_s[job_id] for job_id in found} == {
        working.id: TAKES_S,
        small.id: 2 * TAKES_S,
        large.id: 4 * TAKES_S,
        last.id: 5 * TAKES_S,
    }
    assert estimate_as_forecast(session) == etas_s


def estimate_as_forecast(session: Session) -> dict[int, float]:
    groups = read_waiting_groups(session)
    return estimate_etas_s(session, sort_queue(list_started_jobs(session)), slots=1, paused=False, groups=groups)


def record_statements(session: Session, job: ProductionJob) -> list[str]:
    statements: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", record)
    forecast_job(session, job, ANIMATIC_STUDIO)
    event.remove(connection, "before_cursor_execute", record)
    return statements


@pytest.mark.parametrize(
    "parameters",
    [{"quality": "low"}, {"width": 640, "height": 360, "fps": 23.976}, {"duration_s": 1.5, "engine": "comfyui"}],
)
def test_a_live_job_counts_the_pixels_of_its_request(session: Session, parameters: dict[str, Any]) -> None:
    spec = GenerationSpec(prompt="neon city", **parameters)
    lifecycle.open_job(session, spec, job_type=JobType.STANDARD)
    [live] = read_live_jobs(session)
    assert (live.pixels, live.engine, live.is_launching) == (count_pixels(spec), spec.engine, True)
