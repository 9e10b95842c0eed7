"""The life of a job, on a real database."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobStatus, ProductionJob, Stage
from db.models.projects import Project, ProjectStatus
from tests.concurrency import run_concurrently
from tests.tower.jobs.opened_jobs import create_asset, create_job, start_attempt
from tower.errors import CancelledError, ConflictError, InvalidError, NotFoundError, TowerError
from tower.errors.codes import ErrorCode
from tower.jobs import attempts, lifecycle


def test_a_new_job_waits_in_the_outbox_with_its_seed_and_prompt_id(session: Session) -> None:
    job = create_job(session, seed=7)
    session.refresh(job)
    assert (job.status, job.stage, job.progress, job.seed) == (JobStatus.PROCESSING, Stage.QUEUED, 0.0, 7)
    assert job.launch_after is not None
    assert job.parameters["prompt"] == "a shrine at dawn"


def test_two_jobs_without_a_seed_get_different_ones(session: Session) -> None:
    assert create_job(session).seed != create_job(session).seed


def test_a_draft_project_becomes_active_with_its_first_job(session: Session) -> None:
    project = Project(name="Kai")
    session.add(project)
    session.flush()
    create_job(session, project_id=project.id)
    assert project.status == ProjectStatus.ACTIVE


@pytest.mark.parametrize(("field", "value"), [("project_id", 999_999_999), ("style", "no such style")])
def test_a_job_for_a_missing_row_is_refused_by_name(session: Session, field: str, value: object) -> None:
    with pytest.raises(InvalidError) as refused:
        create_job(session, **{field: value})
    assert refused.value.details is not None
    assert (refused.value.details["field"], refused.value.details["value"]) == (field, value)


def test_a_job_is_found_by_every_documented_name(session: Session) -> None:
    job = create_job(session)
    for key in (str(job.id), f"gen_{job.id}", str(job.comfyui_job_id), str(job.comfyui_job_id).upper()):
        assert lifecycle.find_job(session, key) is job


@pytest.mark.parametrize("key", ["999999999", "gen_", "gen_x", "", "9" * 40, "not-a-uuid", "²"])
def test_an_unknown_name_is_not_found(session: Session, key: str) -> None:
    with pytest.raises(NotFoundError):
        lifecycle.find_job(session, key)


def test_cancelling_blocks_later_writes_and_can_be_repeated(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    assert lifecycle.cancel_job(session, job.id).status == JobStatus.CANCELLED
    assert lifecycle.cancel_job(session, job.id).status == JobStatus.CANCELLED
    with pytest.raises(CancelledError):
        attempts.report_progress(session, attempt, progress=0.5)
    with pytest.raises(CancelledError):
        start_attempt(session, job)


def test_an_ended_job_cannot_be_cancelled(session: Session) -> None:
    job = create_job(session)
    attempts.fail_job(session, start_attempt(session, job), TowerError("the disk is full", code=ErrorCode.DISK_FULL))
    session.refresh(job)
    assert (job.status, job.error_code, job.error_message) == (JobStatus.FAILED, "DISK_FULL", "the disk is full")
    with pytest.raises(ConflictError):
        lifecycle.cancel_job(session, job.id)


def test_relaunch_is_refused_once_another_run_has_claimed(session: Session) -> None:
    job = create_job(session)
    run = uuid.uuid4()
    start_attempt(session, job, run)
    session.expunge(job)
    attempts.claim_job(session, job.id, flow_run_id=run, timeout_s=60)
    assert not lifecycle.relaunch_job(session, job)
    fresh = session.get_one(ProductionJob, job.id)
    assert lifecycle.relaunch_job(session, fresh)
    session.refresh(fresh)
    assert (fresh.flow_run_id, fresh.launch_after is not None) == (None, True)


def test_there_is_no_eta_before_the_speed_is_known(session: Session) -> None:
    job = create_job(session)
    assert lifecycle.estimate_remaining_s(job) is None
    attempt = start_attempt(session, job)
    attempts.report_progress(session, attempt, progress=0.5)
    session.refresh(job)
    assert job.started_at is not None
    eta_s = lifecycle.estimate_remaining_s(job)
    assert eta_s is not None
    assert eta_s >= 0


def test_of_a_concurrent_cancel_and_completion_exactly_one_wins(sessions: SessionFactory) -> None:
    """Twenty races. The job is either completed with its file, or cancelled without one."""
    for _ in range(20):
        with sessions.begin() as session:
            job = create_job(session)
            attempt = start_attempt(session, job)
            asset = create_asset(session, job.id)
        completing = partial(attempts.complete_job, attempt=attempt, asset=asset, score=9.0)
        run_concurrently(sessions, completing, partial(lifecycle.cancel_job, job_id=job.id))
        with sessions() as session:
            row = session.get_one(ProductionJob, job.id)
            assert (row.status, row.output_path is None) in (
                (JobStatus.COMPLETED, False),
                (JobStatus.CANCELLED, True),
            )
