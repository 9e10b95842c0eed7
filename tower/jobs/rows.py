"""Writes to the rows of jobs that are still live, and of their segments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, any_, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from tower.errors import NotFoundError
from tower.errors.foreign import one_line
from tower.webhooks.events import record_job_end

LIVE_SEGMENT_STATES = (SegmentState.QUEUED, SegmentState.PROCESSING)


def lock_job(session: Session, job_id: int) -> ProductionJob:
    """Lock a job for a change. Raises NotFoundError."""
    job = session.get(ProductionJob, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise NotFoundError(f"There is no generation {job_id}")
    return job


def update_live_job(session: Session, condition: ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Update the live job that matches the condition. Returns False if there is none.

    If the job ends by it, the calls of webhooks are written in the same transaction.
    """
    statement = update(ProductionJob).where(condition, ProductionJob.status.in_(LIVE_STATUSES)).values(**values)
    job_id = session.scalar(statement.returning(ProductionJob.id), execution_options={"synchronize_session": False})
    if job_id is not None and values.get("status") not in (None, *LIVE_STATUSES):
        record_job_end(session, job_id)
    return job_id is not None


def waits_for_others() -> ColumnElement[bool]:
    """The condition that a job waits for at least one job that has not ended."""
    awaited = aliased(ProductionJob)
    return exists().where(awaited.id == any_(ProductionJob.waits_for), awaited.status.in_(LIVE_STATUSES))


def stop_segments(session: Session, job_id: int) -> None:
    """Cancel the segments of a job that have not ended."""
    session.execute(
        update(RenderSegment)
        .where(RenderSegment.job_id == job_id, RenderSegment.state.in_(LIVE_SEGMENT_STATES))
        .values(state=SegmentState.CANCELLED, ended_at=func.now()),
        execution_options={"synchronize_session": False},
    )


def failure_values(code: str, message: str) -> dict[str, Any]:
    """The columns of a failed job."""
    return {
        "status": JobStatus.FAILED,
        "error_code": code,
        "error_message": one_line(message),
        "step": None,
        "ended_at": func.now(),
        "deadline_at": None,
        "launch_after": None,
    }


def database_now(session: Session) -> datetime:
    """The time by the database's clock, so that machines whose clocks differ agree."""
    return session.scalars(select(func.now())).one()
