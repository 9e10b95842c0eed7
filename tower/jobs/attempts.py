"""What the run of a job may write: it claims the job with an attempt, moves it forward and ends it.

Every write is fenced by the attempt: a run that was replaced and still runs is refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob, Stage
from db.models.rendering import Asset
from tower.errors import CancelledError, ConflictError, MergeError, SupersededError, TowerError
from tower.jobs.flow_runs import launch_number
from tower.jobs.rows import (
    database_now,
    failure_values,
    lock_job,
    stop_segments,
    update_live_job,
    waits_for_others,
)


@dataclass(frozen=True)
class Attempt:
    """The right to work on a job. `number` is the fencing token: only the newest attempt may write."""

    job_id: int
    number: int


def claim_job(
    session: Session, job_id: int, *, flow_run_id: uuid.UUID | None, timeout_s: float, launch_key: str | None = None
) -> Attempt:
    """Begin a new attempt for this flow run. `launch_key` is the run's idempotency key.

    Raises CancelledError or SupersededError if the job has ended or belongs to another run.
    """
    job = lock_job(session, job_id)
    if job.status not in LIVE_STATUSES or not _may_claim(job, flow_run_id, launch_number(launch_key)):
        raise _refusal_error(job)
    _refuse_while_waiting(session, job)
    now = database_now(session)
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


def complete_job(session: Session, attempt: Attempt, *, asset: Asset, score: float | None) -> None:
    """End the job as completed. `score` is None for a film whose takes have none.

    Raises ConflictError if the asset belongs to another job.
    """
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
    _write(session, attempt, failure_values(error.code, error.message) | ending)
    stop_segments(session, attempt.job_id)


def _may_claim(job: ProductionJob, flow_run_id: uuid.UUID | None, launch: int | None) -> bool:
    """Whether the run is the newest one. Before its launch is recorded, the number in its key decides."""
    if job.flow_run_id is not None:
        return flow_run_id is None or flow_run_id == job.flow_run_id
    return launch is None or launch == job.launches


def _refuse_while_waiting(session: Session, job: ProductionJob) -> None:
    """Refuse a run that somebody started in Prefect before the job's turn."""
    waiting = select(ProductionJob.id).where(ProductionJob.id == job.id, waits_for_others())
    if job.launch_after is not None and session.scalar(waiting) is not None:
        raise SupersededError(f"Generation {job.id} waits for other generations, and has a run once they have ended")


def _write(session: Session, attempt: Attempt, values: dict[str, Any]) -> None:
    holds_job = (ProductionJob.id == attempt.job_id) & (ProductionJob.attempt == attempt.number)
    if not update_live_job(session, holds_job, values):
        raise _refusal_error(session.get_one(ProductionJob, attempt.job_id, populate_existing=True))


def _refusal_error(job: ProductionJob) -> TowerError:
    if job.status == JobStatus.CANCELLED:
        return CancelledError(f"Generation {job.id} was cancelled")
    return SupersededError(f"Generation {job.id} now belongs to another run, or has ended: {job.status}")
