"""How long a generation probably takes, estimated from earlier ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, JobType, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from tower.jobs import lifecycle
from tower.jobs.analytics import DurationEstimator, estimate_duration_s, estimate_film_s
from tower.jobs.spec import GenerationSpec

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SMALL = GenerationSpec(prompt="x", duration_s=2, width=256, height=256, engine="animatic")
LARGE = SMALL.model_copy(update={"width": 512, "height": 512})


def insert_ended_job(
    session: Session, took_s: float, *, spec: GenerationSpec = SMALL, job_type: JobType = JobType.FAST
) -> ProductionJob:
    job = lifecycle.open_job(session, spec, job_type=job_type)
    job.status, job.output_path = JobStatus.COMPLETED, "/x.mp4"
    job.started_at, job.ended_at = NOON, NOON + timedelta(seconds=took_s)
    session.flush()
    return job


def insert_segment(session: Session, job: ProductionJob, *, waited_s: float | None) -> None:
    """A segment of the job that waited for a worker, or that no worker had to render."""
    row = RenderSegment(job_id=job.id, segment=1, attempt=1, prompt_id=job.comfyui_job_id, engine="animatic", shot={})
    row.fingerprint, row.created_at = "f" * 64, NOON
    row.state = SegmentState.CANCELLED
    row.started_at = None if waited_s is None else NOON + timedelta(seconds=waited_s)
    session.add(row)
    session.flush()


def test_there_is_no_estimate_without_earlier_jobs_of_the_type_and_engine(session: Session) -> None:
    insert_ended_job(session, 8)
    comfyui = SMALL.model_copy(update={"engine": "comfyui"})
    assert estimate_duration_s(session, comfyui, job_type=JobType.FAST) is None
    assert estimate_duration_s(session, SMALL, job_type=JobType.PERSONAL) is None


def test_the_median_duration_is_scaled_by_pixels(session: Session) -> None:
    for took_s in (2, 4, 90):
        insert_ended_job(session, took_s)
    assert estimate_duration_s(session, SMALL, job_type=JobType.FAST) == 4
    assert estimate_duration_s(session, LARGE, job_type=JobType.FAST) == 16


def test_the_time_in_the_queue_is_no_work(session: Session) -> None:
    """A job that waited 200 s of its 262 s for a worker took 62 s."""
    job = insert_ended_job(session, 262)
    insert_segment(session, job, waited_s=200)
    assert estimate_duration_s(session, SMALL, job_type=JobType.FAST) == 62


def test_a_job_that_reused_a_take_does_not_count(session: Session) -> None:
    insert_ended_job(session, 8)
    insert_segment(session, insert_ended_job(session, 1), waited_s=None)
    assert estimate_duration_s(session, SMALL, job_type=JobType.FAST) == 8


def test_only_the_newest_jobs_count(session: Session) -> None:
    for took_s in (*[90] * 5, *[4] * 20):
        insert_ended_job(session, took_s)
    assert estimate_duration_s(session, SMALL, job_type=JobType.FAST) == 4


@pytest.mark.parametrize("count", [1, 20])
def test_many_jobs_are_estimated_with_one_query_of_the_past(session: Session, count: int) -> None:
    insert_ended_job(session, 4)
    statements: list[str] = []
    bind = session.get_bind()
    event.listen(bind, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    paces = DurationEstimator(session)
    assert [paces.estimate_s(SMALL, job_type=JobType.FAST) for _ in range(count)] == [4] * count
    assert len(statements) == 1


def test_films_are_estimated_by_films_and_not_by_trailers(session: Session) -> None:
    assert estimate_film_s(session) is None
    for took_s, seconds in ((200, None), (5, 30.0), (6, 30.0)):
        job = insert_ended_job(session, took_s, job_type=JobType.FILM)
        job.parameters = {"trailer_seconds": seconds}
    session.flush()
    assert estimate_film_s(session) == 200
