"""Ends the started entries of the production schedule when their generations have ended, and then their batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.batches import Batch
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.report import report_to_json
from tower.batches.reporting import build_report


def record_outcomes(session: Session) -> None:
    """End each started entry whose generations have all ended, and each live batch without a started entry."""
    started = select(ProductionSchedule).where(ProductionSchedule.state == ScheduleState.STARTED)
    for row in session.scalars(started.with_for_update(skip_locked=True)):
        jobs = session.scalars(select(ProductionJob).where(ProductionJob.id.in_(row.job_ids))).all()
        if not any(job.status in LIVE_STATUSES for job in jobs):
            end_entry(row, jobs)
    session.flush()
    for batch_id in session.scalars(select(Batch.id).where(Batch.ended_at.is_(None)).order_by(Batch.id)).all():
        end_batch_if_done(session, batch_id)


def end_entry(row: ProductionSchedule, jobs: Sequence[ProductionJob]) -> None:
    """End the entry as its generations ended; it fails if one of them or of its scenes did."""
    failed = [job for job in jobs if job.status != JobStatus.COMPLETED]
    if failed:
        ends = ", ".join(f"generation {job.id} {job.status}" for job in failed)
        row.error_message = f"{row.error_message}; {ends}" if row.error_message else ends.capitalize()
    row.state = ScheduleState.FAILED if row.error_message else ScheduleState.COMPLETED
    row.ended_at = datetime.now(UTC)


def end_batch_if_done(session: Session, batch_id: int) -> None:
    """End the batch, with its report, if none of its entries runs and none can start in it any more."""
    batch = session.get(Batch, batch_id, with_for_update={"skip_locked": True}, populate_existing=True)
    if batch is None or batch.ended_at is not None:
        return
    live = [ScheduleState.STARTED]
    now = session.scalars(select(func.now())).one()
    if batch.closes_at is not None and batch.closes_at > now:
        live.append(ScheduleState.PLANNED)
    of_batch = (ProductionSchedule.batch_id == batch_id, ProductionSchedule.state.in_(live))
    if session.scalar(select(ProductionSchedule.id).where(*of_batch).limit(1)) is not None:
        return
    batch.report = report_to_json(build_report(session, batch_id))
    batch.ended_at = now
