"""The life of a job, on a real database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobStatus, JobType, ProductionJob, Stage
from db.models.projects import Project, ProjectStatus
from db.models.rendering import Asset, AssetKind
from tests.concurrency import run_concurrently
from tower.errors import CancelledError, ConflictError, InvalidError, NotFoundError, SupersededError, TowerError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.lifecycle import Attempt
from tower.jobs.spec import GenerationSpec


def create_job(session: Session, **fields: object) -> ProductionJob:
    spec = GenerationSpec.model_validate({"prompt": "a shrine at dawn", **fields})
    return lifecycle.open_job(session, spec, job_type=JobType.STANDARD)


def start_attempt(session: Session, job: ProductionJob, run: uuid.UUID | None = None) -> Attempt:
    return lifecycle.claim_job(session, job.id, flow_run_id=run or uuid.uuid4(), timeout_s=60)


def create_asset(session: Session, job_id: int | None) -> Asset:
    asset = Asset(
        kind=AssetKind.VIDEO,
        path="/renders/aa/clip.mp4",
        sha256="a" * 64,
        bytes=1,
        probe={},
        provenance={"engine": "animatic"},
        job_id=job_id,
    )
    session.add(asset)
    session.flush()
    return asset


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
    lifecycle.report_progress(session, new, progress=0.3)
    lates: list[Callable[[], None]] = [
        partial(lifecycle.report_progress, session, old, progress=0.9),
        partial(lifecycle.record_step, session, old, "prompt", {}),
        partial(lifecycle.complete_job, session, old, asset=create_asset(session, job.id), score=9.0),
        partial(lifecycle.fail_job, session, old, TowerError("late")),
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
        lifecycle.report_progress(session, attempt, progress=progress)
    session.refresh(job)
    assert job.progress == 1.0


def test_results_of_steps_are_kept_separately(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    lifecycle.record_step(session, attempt, "cast", {"members": []})
    lifecycle.record_step(session, attempt, "prompt", {"prompt": "夜のネオン街"})
    session.refresh(job)
    assert job.steps == {"cast": {"members": []}, "prompt": {"prompt": "夜のネオン街"}}


def test_a_repeated_warning_is_listed_once(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    lifecycle.add_warnings(session, attempt, "No character is called 'Bo'")
    lifecycle.add_warnings(session, attempt, "No character is called 'Bo'", "Another")
    session.refresh(job)
    assert job.warnings == ["No character is called 'Bo'", "Another"]


def test_a_file_of_another_job_does_not_complete_a_job(session: Session) -> None:
    job, other = create_job(session), create_job(session)
    with pytest.raises(ConflictError):
        lifecycle.complete_job(session, start_attempt(session, job), asset=create_asset(session, other.id), score=9.0)


def test_a_completed_job_has_its_file_and_score(session: Session) -> None:
    job = create_job(session)
    lifecycle.complete_job(session, start_attempt(session, job), asset=create_asset(session, job.id), score=8.5)
    session.refresh(job)
    assert (job.status, job.progress, job.quality_score) == (JobStatus.COMPLETED, 1.0, 8.5)
    assert (job.output_path, job.engine) == ("/renders/aa/clip.mp4", "animatic")


def test_cancelling_blocks_later_writes_and_can_be_repeated(session: Session) -> None:
    job = create_job(session)
    attempt = start_attempt(session, job)
    assert lifecycle.cancel_job(session, job.id).status == JobStatus.CANCELLED
    assert lifecycle.cancel_job(session, job.id).status == JobStatus.CANCELLED
    with pytest.raises(CancelledError):
        lifecycle.report_progress(session, attempt, progress=0.5)
    with pytest.raises(CancelledError):
        start_attempt(session, job)


def test_an_ended_job_cannot_be_cancelled(session: Session) -> None:
    job = create_job(session)
    lifecycle.fail_job(session, start_attempt(session, job), TowerError("the disk is full", code=ErrorCode.DISK_FULL))
    session.refresh(job)
    assert (job.status, job.error_code, job.error_message) == (JobStatus.FAILED, "DISK_FULL", "the disk is full")
    with pytest.raises(ConflictError):
        lifecycle.cancel_job(session, job.id)


def test_relaunch_is_refused_once_another_run_has_claimed(session: Session) -> None:
    job = create_job(session)
    run = uuid.uuid4()
    start_attempt(session, job, run)
    session.expunge(job)
    lifecycle.claim_job(session, job.id, flow_run_id=run, timeout_s=60)
    assert not lifecycle.relaunch_job(session, job)
    fresh = session.get_one(ProductionJob, job.id)
    assert lifecycle.relaunch_job(session, fresh)
    session.refresh(fresh)
    assert (fresh.flow_run_id, fresh.launch_after is not None) == (None, True)


def test_there_is_no_eta_before_the_speed_is_known(session: Session) -> None:
    job = create_job(session)
    assert lifecycle.estimate_remaining_s(job) is None
    attempt = start_attempt(session, job)
    lifecycle.report_progress(session, attempt, progress=0.5)
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
        completing = partial(lifecycle.complete_job, attempt=attempt, asset=asset, score=9.0)
        run_concurrently(sessions, completing, partial(lifecycle.cancel_job, job_id=job.id))
        with sessions() as session:
            row = session.get_one(ProductionJob, job.id)
            assert (row.status, row.output_path is None) in (
                (JobStatus.COMPLETED, False),
                (JobStatus.CANCELLED, True),
            )
