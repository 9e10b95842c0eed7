"""The report of a batch names what became of each scene, and counts measured seconds only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models.batches import Batch
from db.models.jobs import JobStatus, JobType, ProductionJob
from db.models.rendering import RenderSegment
from db.models.schedule import ProductionSchedule, ScheduleState
from tests.tower.films.conftest import FilmStage, stage
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tower.batches.entries import open_entry
from tower.batches.opening import record_start
from tower.batches.outcomes import record_outcomes
from tower.batches.report import BatchReport, EntryReport, Outcome
from tower.batches.report_page import format_s, render_report
from tower.batches.reporting import read_report
from tower.story import schedule
from tower.story.schedule import ScheduleTarget

__all__ = ["stage"]
NOW = datetime.now(UTC)


@pytest.fixture
def batch(session: Session) -> Batch:
    batch = Batch(opens_at=NOW - timedelta(hours=1), closes_at=NOW + timedelta(days=1))
    session.add(batch)
    session.flush()
    return batch


def start(stage: FilmStage, batch: Batch, *, scene_id: int | None = None) -> ProductionSchedule:
    """Start an entry of the episode, or of a scene."""
    key = stage.key if scene_id is None else None
    target = ScheduleTarget(stage.village.stage.story.project_id, "main", scene_id, key)
    row = schedule.add_schedule(stage.session, target, {"job_type": JobType.INTEGRATED, "start_at": NOW})
    row.batch_id = batch.id
    record_start(row, open_entry(stage.session, row, ANIMATIC_STUDIO))
    stage.session.flush()
    return row


def measure(session: Session, seconds: float) -> None:
    """Let each render that has no other time have taken so long."""
    started = RenderSegment.ended_at - timedelta(seconds=seconds)
    has_none = RenderSegment.worker.is_not(None), RenderSegment.error_message.is_(None)
    session.execute(update(RenderSegment).where(*has_none).values(started_at=started, error_message="measured"))


def render(stage: FilmStage, scene_job: int) -> None:
    job = stage.read_job(scene_job)
    take, _ = stage.village.stage.render_take(job)
    stage.village.stage.accept_and_complete(job, take)


def report(session: Session, batch: Batch) -> BatchReport:
    record_outcomes(session)
    session.flush()
    session.expire_all()
    return read_report(session, batch)


def only_entry(found: BatchReport) -> EntryReport:
    [entry] = found.entries
    return entry


def test_a_film_reports_what_it_rendered_and_what_it_reused(session: Session, stage: FilmStage, batch: Batch) -> None:
    stage.accept_takes(stage.village.alone)
    measure(session, 20)
    row = start(stage, batch)
    assert [scene.outcome for scene in only_entry(report(session, batch)).scenes] == [Outcome.REUSED, Outcome.RUNNING]
    [scene_job] = row.job_ids[1:]
    render(stage, scene_job)
    measure(session, 10)
    stage.end(row.job_ids[0], JobStatus.COMPLETED)
    found = report(session, batch)
    entry = only_entry(found)
    assert (entry.title, entry.outcome, entry.film_job_id) == ("Episode 3: Rain", Outcome.DONE, row.job_ids[0])
    assert [(scene.outcome, scene.gpu_s, scene.saved_s) for scene in entry.scenes] == [
        (Outcome.REUSED, 0, 20),
        (Outcome.DONE, 10, 0),
    ]
    assert (found.gpu_s, found.saved_s, found.saved_reason) == (10, 20, None)
    assert batch.ended_at is not None
    page = render_report(batch, found)
    assert "| Episode 3\\: Rain | done | 1 done, 1 reused |" in page
    assert "10.0 s spent, 20.0 s saved by reuse" in page


def test_what_was_not_measured_is_unknown_with_a_reason(session: Session, stage: FilmStage, batch: Batch) -> None:
    stage.accept_takes()
    session.execute(update(RenderSegment).values(started_at=None))
    start(stage, batch)
    found = report(session, batch)
    assert [scene.saved_s for scene in only_entry(found).scenes] == [None, None]
    assert {scene.saved_reason for scene in only_entry(found).scenes} == {"the renders of its take were not measured"}
    assert (found.saved_s, found.saved_reason) == (
        None,
        "without 2 reused scenes, whose renders were not measured",
    )


def test_a_job_that_finds_an_equal_take_is_reuse(session: Session, stage: FilmStage, batch: Batch) -> None:
    stage.accept_takes(stage.village.alone)
    measure(session, 20)
    row = start(stage, batch, scene_id=stage.scene_id(stage.village.alone))
    render(stage, row.job_ids[0])
    found = report(session, batch)
    [scene] = only_entry(found).scenes
    assert (scene.outcome, scene.gpu_s, scene.saved_s) == (Outcome.REUSED, 0, 20)


def test_a_failed_scene_has_its_reason(session: Session, stage: FilmStage, batch: Batch) -> None:
    row = start(stage, batch)
    for job_id in row.job_ids:
        stage.end(job_id, JobStatus.FAILED)
    entry = only_entry(report(session, batch))
    assert (row.state, entry.outcome) == (ScheduleState.FAILED, Outcome.FAILED)
    assert [(scene.outcome, scene.reason) for scene in entry.scenes] == [(Outcome.FAILED, "It broke")] * 2
    film = session.scalars(select(ProductionJob).where(ProductionJob.id == row.job_id)).one()
    assert film.job_type == JobType.FILM
    assert "scene 1: It broke" in render_report(batch, read_report(session, batch))


@pytest.mark.parametrize(("seconds", "text"), [(None, "unknown"), (4.25, "4.2 s"), (61, "1 min"), (3900, "1 h 5 min")])
def test_times_are_written_for_people(seconds: float | None, text: str) -> None:
    assert format_s(seconds) == text
