"""The fenced writes of a run to its job, on a real database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus
from tests.tower.jobs.opened_jobs import create_asset, create_job, start_attempt
from tower.errors import ConflictError, SupersededError, TowerError
from tower.jobs import attempts


def test_a_claimed_job_leaves_the_outbox_and_gets_a_deadline(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    assert attempt.number == 1
    assert job.launch_after is None
    assert job.deadline_at is not None
    assert job.started_at is not None
    assert job.deadline_at > job.started_at


def test_a_run_that_is_not_the_newest_cannot_claim(session: Session) -> None:
    job = create_job(session)
    start_attempt(session, job)
    with pytest.raises(SupersededError):
        start_attempt(session, job)


def test_a_late_report_of_an_abandoned_attempt_is_refused(session: Session) -> None:
    job = create_job(session)
    run = uuid.uuid4()
    old = start_attempt(session, job, run)
    new = start_attempt(session, job, run)
    attempts.report_progress(session, new, progress=0.3)
    lates: list[Callable[[], None]] = [
        partial(attempts.report_progress, session, old, progress=0.9),
        partial(attempts.record_step, session, old, "prompt", {}),
        partial(attempts.complete_job, session, old, asset=create_asset(session, job.id), score=9.0),
        partial(attempts.fail_job, session, old, TowerError("late")),
    ]
    for late in lates:
        with pytest.raises(SupersededError):
            late()
    session.refresh(job)
    assert (job.status, job.progress, job.steps) == (JobStatus.PROCESSING, 0.3, {})


def test_progress_never_decreases(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    for progress in (0.2, 0.6, 0.1, 7.0, -1.0):
        attempts.report_progress(session, attempt, progress=progress)
    session.refresh(job)
    assert job.progress == 1.0


def test_results_of_steps_are_kept_separately(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    attempts.record_step(session, attempt, "cast", {"members": []})
    attempts.record_step(session, attempt, "prompt", {"prompt": "夜のネオン街"})
    session.refresh(job)
    assert job.steps == {"cast": {"members": []}, "prompt": {"prompt": "夜のネオン街"}}


def test_a_repeated_warning_is_listed_once(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    attempts.add_warnings(session, attempt, "No character is called 'Bo'")
    attempts.add_warnings(session, attempt, "No character is called 'Bo'", "Another")
    session.refresh(job)
    assert job.warnings == ["No character is called 'Bo'", "Another"]


def test_a_file_of_another_job_does_not_complete_a_job(session: Session) -> None:
    job, other = create_job(session), create_job(session)
    with pytest.raises(ConflictError):
        attempts.complete_job(session, start_attempt(session, job), asset=create_asset(session, other.id), score=9.0)


def test_a_completed_job_has_its_file_and_score(session: Session) -> None:
    job = create_job(session)
    attempts.complete_job(session, start_attempt(session, job), asset=create_asset(session, job.id), score=8.5)
    session.refresh(job)
    assert (job.status, job.progress, job.quality_score) == (JobStatus.COMPLETED, 1.0, 8.5)
    assert (job.output_path, job.engine) == ("/renders/aa/clip.mp4", "animatic")
