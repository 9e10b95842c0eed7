"""The life of a job: a job is opened, claimed by an attempt, moved forward and ended. The row is authoritative.

Every write of a run is fenced by its attempt: a run that was replaced and still runs is refused.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, func, select, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobStatus, JobType, ProductionJob, Stage
from db.models.projects import Project, ProjectStatus
from db.models.rendering import Asset, RenderSegment, SegmentState
from tower.errors import (
    CancelledError,
    ConflictError,
    InvalidError,
    MergeError,
    NotFoundError,
    SupersededError,
    TowerError,
)
from tower.errors.foreign import one_line
from tower.jobs.flow_runs import launch_number
from tower.jobs.spec import GenerationSpec
from tower.presets.styles import find_style

RANDOM_SEED_BITS = 32
LIVE_SEGMENT_STATES = (SegmentState.QUEUED, SegmentState.PROCESSING)


@dataclass(frozen=True)
class Attempt:
    """The right to work on a job. `number` is the fencing token: only the newest attempt may write."""

    job_id: int
    number: int


def open_job(session: Session, spec: GenerationSpec, *, job_type: JobType) -> ProductionJob:
    """Open a new job. It is launched once the caller commits. Raises InvalidError for an unknown project or style."""
    if spec.project_id is not None:
        _activate_project(session, spec.project_id)
    find_style(session, spec.style, project_id=spec.project_id)
    job = ProductionJob(
        project_id=spec.project_id,
        job_type=job_type,
        status=JobStatus.SEGMENTS_QUEUED if job_type == JobType.FAST else JobStatus.PROCESSING,
        prompt=spec.prompt,
        parameters=spec.model_dump(mode="json"),
        comfyui_job_id=uuid.uuid4(),
        seed=secrets.randbits(RANDOM_SEED_BITS) if spec.seed is None else spec.seed,
    )
    session.add(job)
    session.flush()
    return job


def find_job(session: Session, key: str) -> ProductionJob:
    """Find a job by its id, its prompt_id in upper or lower case, or `gen_<id>`. Raises NotFoundError."""
    job = session.scalar(select(ProductionJob).where(_matches_key(key)))
    if job is None:
        raise NotFoundError(f"There is no generation {key!r}")
    return job


def claim_job(
    session: Session, job_id: int, *, flow_run_id: uuid.UUID | None, timeout_s: float, launch_key: str | None = None
) -> Attempt:
    """Begin a new attempt for this flow run. `launch_key` is the run's idempotency key.

    Raises CancelledError or SupersededError if the job has ended or belongs to another run.
    """
    job = _lock_job(session, job_id)
    if job.status not in LIVE_STATUSES or not _may_claim(job, flow_run_id, launch_number(launch_key)):
        raise _refusal_error(job)
    now = _now(session)
    job.attempt += 1
    if job.launch_after is not None:  # the launch is not recorded yet; the next one needs a new key
        job.launches += 1
    job.unclaimed_launches = 0
    job.flow_run_id = flow_run_id or job.flow_run_id
    job.launch_after = None
    job.started_at = job.started_at or now
    job.heartbeat_at = now
    job.deadline_at = now + timedelta(seconds=timeout_s)
    session.flush()
    return Attempt(job.id, job.attempt)


def lock_held_job(session: Session, attempt: Attempt) -> ProductionJob:
    """Lock the job that the attempt holds. Raises CancelledError or SupersededError if it no longer holds it."""
    job = session.get_one(ProductionJob, attempt.job_id, with_for_update=True, populate_existing=True)
    if job.status not in LIVE_STATUSES or job.attempt != attempt.number:
        raise _refusal_error(job)
    return job


def report_progress(
    session: Session, attempt: Attempt, *, stage: Stage | None = None, progress: float | None = None, step: str = ""
) -> None:
    """Move the job forward. Progress never goes back. Raises CancelledError or SupersededError."""
    values: dict[str, Any] = {"heartbeat_at": func.now()}
    if stage is not None:
        values["stage"] = stage
    if progress is not None:
        values["progress"] = func.greatest(ProductionJob.progress, min(max(progress, 0.0), 1.0))
    if step:
        values["step"] = step
    _write(session, attempt, values)


def record_step(session: Session, attempt: Attempt, name: str, result: dict[str, Any]) -> None:
    """Store the result of the step `name`, so that a restarted run continues after it."""
    _write(session, attempt, {"steps": ProductionJob.steps.op("||")(type_coerce({name: result}, JSONB))})


def forget_steps(session: Session, attempt: Attempt, names: Sequence[str]) -> None:
    """Remove the results of these steps, so that a restarted run does them again."""
    _write(session, attempt, {"steps": ProductionJob.steps.op("-")(array(names, type_=Text))})


def add_warnings(session: Session, attempt: Attempt, *warnings: str) -> None:
    """Add sentences to the warnings of the job. A sentence that is already there is not repeated."""
    job = lock_held_job(session, attempt)
    all_warnings = [*job.warnings, *(text for text in warnings if text not in job.warnings)]
    _write(session, attempt, {"warnings": all_warnings})


def complete_job(session: Session, attempt: Attempt, *, asset: Asset, score: float) -> None:
    """End the job as completed. Raises ConflictError if the asset belongs to another job."""
    if asset.job_id != attempt.job_id:
        raise ConflictError(f"Asset {asset.id} does not belong to generation {attempt.job_id}")
    _write(
        session,
        attempt,
        {
            "status": JobStatus.COMPLETED,
            "stage": Stage.PUBLISH,
            "progress": 1.0,
            "step": None,
            "output_asset_id": asset.id,
            "output_path": asset.path,
            "engine": asset.provenance["engine"],
            "quality_score": score,
            "ended_at": func.now(),
            "deadline_at": None,
        },
    )


def fail_job(session: Session, attempt: Attempt, error: TowerError) -> None:
    """End the job as failed, with the code and message of the error. Rendered segments stay for a retry."""
    ending = {"status": JobStatus.MERGE_FAILED} if isinstance(error, MergeError) else {}
    _write(session, attempt, _failure_values(error.code, error.message) | ending)
    _stop_segments(session, attempt.job_id)


def fail_lost_job(session: Session, job: ProductionJob, *, code: str, message: str) -> bool:
    """End a live job whose runs are lost. Returns False if it has ended or been claimed again meanwhile."""
    ended = _write_if(session, _is_unchanged(job), _failure_values(code, message))
    if ended:
        _stop_segments(session, job.id)
    return ended


def cancel_job(session: Session, job_id: int) -> ProductionJob:
    """Cancel a live job. A cancelled job stays cancelled. Raises ConflictError if the job ended in another way."""
    job = _lock_job(session, job_id)
    if job.status == JobStatus.CANCELLED:
        return job
    if job.status not in LIVE_STATUSES:
        raise ConflictError(f"Generation {job_id} has already ended: {job.status}")
    job.status = JobStatus.CANCELLED
    job.ended_at = _now(session)
    job.launch_after = job.deadline_at = job.step = None
    _stop_segments(session, job_id)
    session.flush()
    return job


def relaunch_job(session: Session, job: ProductionJob, *, delay_s: float = 0.0) -> bool:
    """Schedule a new launch of a live job whose run is lost. A run that never claimed the job is not a crash.

    Returns False if the job has ended or been claimed again meanwhile.
    """
    was_claimed = is_claimed(job)
    values = {
        "flow_run_id": None,
        "launch_after": func.now() + timedelta(seconds=delay_s),
        "deadline_at": None,
        "crashes": job.crashes + was_claimed,
        "unclaimed_launches": job.unclaimed_launches + (not was_claimed),
    }
    return _write_if(session, _is_unchanged(job), values)


def is_claimed(job: ProductionJob) -> bool:
    """Whether the newest run of a live job has claimed it."""
    return job.deadline_at is not None


def retry_job(session: Session, job_id: int) -> ProductionJob:
    """Reopen an ended job. It reuses the segments that it has rendered and makes the missing ones.

    Raises ConflictError for a job that is running or completed.
    """
    job = _lock_job(session, job_id)
    if job.status in LIVE_STATUSES or job.status == JobStatus.COMPLETED:
        raise ConflictError(f"Generation {job_id} is {job.status}: there is nothing to retry")
    job.status = JobStatus.PROCESSING
    job.stage = Stage.QUEUED
    job.error_code = job.error_message = job.ended_at = job.flow_run_id = None
    job.crashes = job.unclaimed_launches = 0
    job.launch_after = _now(session)
    job.run_settled = False
    session.flush()
    return job


def estimate_remaining_s(
    job: ProductionJob, *, since: datetime | None = None, start_progress: float = 0.0
) -> float | None:
    """The seconds that remain at the speed of the job since its start, or since a time at which it had
    `start_progress`. None below 10 % progress and after the end.
    """
    start = since or job.started_at
    if job.status not in LIVE_STATUSES or start is None or job.heartbeat_at is None or job.progress < 0.1:
        return None
    elapsed_s = max(0.0, (job.heartbeat_at - start).total_seconds())
    return round(elapsed_s * (1 - job.progress) / (job.progress - start_progress), 1)


def parse_spec(job: ProductionJob) -> GenerationSpec:
    return GenerationSpec.model_validate(job.parameters)


def _lock_job(session: Session, job_id: int) -> ProductionJob:
    job = session.get(ProductionJob, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFoundError(f"There is no generation {job_id}")
    return job


def _may_claim(job: ProductionJob, flow_run_id: uuid.UUID | None, launch: int | None) -> bool:
    """Whether the run is the newest one. Before its launch is recorded, the number in its key decides."""
    if job.flow_run_id is not None:
        return flow_run_id is None or flow_run_id == job.flow_run_id
    return launch is None or launch == job.launches


def _now(session: Session) -> datetime:
    """The time by the database's clock, so that machines whose clocks differ agree."""
    return session.scalars(select(func.now())).one()


def _matches_key(key: str) -> ColumnElement[bool]:
    digits = key.removeprefix("gen_")
    if digits.isascii() and digits.isdigit() and len(digits) < 19:
        return ProductionJob.id == int(digits)
    try:
        return ProductionJob.comfyui_job_id == uuid.UUID(key)
    except ValueError:
        raise NotFoundError(f"There is no generation {key!r}") from None


def _activate_project(session: Session, project_id: int) -> None:
    """Make a draft project active: this is its first generation."""
    project = session.get(Project, project_id)
    if project is None or project.deleted_at is not None:
        raise InvalidError.field("project_id", project_id, "the id of an existing project")
    if project.status == ProjectStatus.DRAFT:
        project.status = ProjectStatus.ACTIVE


def _failure_values(code: str, message: str) -> dict[str, Any]:
    return {
        "status": JobStatus.FAILED,
        "error_code": code,
        "error_message": one_line(message),
        "step": None,
        "ended_at": func.now(),
        "deadline_at": None,
        "launch_after": None,
    }


def _write(session: Session, attempt: Attempt, values: dict[str, Any]) -> None:
    holds_job = (ProductionJob.id == attempt.job_id) & (ProductionJob.attempt == attempt.number)
    if not _write_if(session, holds_job, values):
        raise _refusal_error(session.get_one(ProductionJob, attempt.job_id, populate_existing=True))


def _write_if(session: Session, condition: ColumnElement[bool], values: dict[str, Any]) -> bool:
    statement = update(ProductionJob).where(condition, ProductionJob.status.in_(LIVE_STATUSES)).values(**values)
    return (
        session.scalar(statement.returning(ProductionJob.id), execution_options={"synchronize_session": False})
        is not None
    )


def _is_unchanged(job: ProductionJob) -> ColumnElement[bool]:
    """The condition that the row has not been claimed or launched since `job` was read."""
    return (
        (ProductionJob.id == job.id)
        & (ProductionJob.attempt == job.attempt)
        & (ProductionJob.launches == job.launches)
        & ProductionJob.flow_run_id.is_not_distinct_from(job.flow_run_id)
    )


def _stop_segments(session: Session, job_id: int) -> None:
    session.execute(
        update(RenderSegment)
        .where(RenderSegment.job_id == job_id, RenderSegment.state.in_(LIVE_SEGMENT_STATES))
        .values(state=SegmentState.CANCELLED, ended_at=func.now()),
        execution_options={"synchronize_session": False},
    )


def _refusal_error(job: ProductionJob) -> TowerError:
    if job.status == JobStatus.CANCELLED:
        return CancelledError(f"Generation {job.id} was cancelled")
    return SupersededError(f"Generation {job.id} now belongs to another run, or has ended: {job.status}")
