"""Ends the started entries of the production schedule when their generations have ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.schedule import ProductionSchedule, ScheduleState


def record_outcomes(session: Session) -> None:
    """End each started entry whose generations have all ended."""
    started = select(ProductionSchedule).where(ProductionSchedule.state == ScheduleState.STARTED)
    for row in session.scalars(started.with_for_update(skip_locked=True)):
        jobs = session.scalars(select(ProductionJob).where(ProductionJob.id.in_(row.job_ids))).all()
        if not any(job.status in LIVE_STATUSES for job in jobs):
            end_entry(row, jobs)


def end_entry(row: ProductionSchedule, jobs: Sequence[ProductionJob]) -> None:
    """End the entry as its generations ended; it fails if one of them or of its scenes did."""
    failed = [job for job in jobs if job.status != JobStatus.COMPLETED]
    if failed:
        ends = ", ".join(f"generation {job.id} {job.status}" for job in failed)
        row.error_message = f"{row.error_message}; {ends}" if row.error_message else ends.capitalize()
    row.state = ScheduleState.FAILED if row.error_message else ScheduleState.COMPLETED
    row.ended_at = datetime.now(UTC)
