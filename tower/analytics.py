"""What each stage of each attempt cost, as measured, and what a generation may therefore take."""

from __future__ import annotations

import statistics
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import GenerationAnalytics, JobStatus, JobType, ProductionJob, Stage
from tower.generation import GenerationSpec
from tower.jobs import Attempt, spec_of

HISTORY = 20  # jobs; enough for a median, few enough to follow a new GPU


def record_stage(session: Session, attempt: Attempt, stage: Stage, *, seconds: float, **measured: Any) -> None:
    """Keep one measurement; a stage measured again in the same attempt replaces it. `measured`: segment, bytes, …"""
    row = {"job_id": attempt.job_id, "attempt": attempt.number, "stage": stage, "seconds": seconds, **measured}
    session.execute(
        insert(GenerationAnalytics)
        .values(row)
        .on_conflict_do_update(index_elements=["job_id", "attempt", "stage", "segment"], set_=row)
    )


def estimate_s(session: Session, spec: GenerationSpec, *, job_type: JobType) -> float | None:
    """Seconds from start to end, from the last jobs of this type, scaled by pixels; None without any history."""
    recent = session.scalars(
        select(ProductionJob)
        .where(
            ProductionJob.status == JobStatus.COMPLETED,
            ProductionJob.job_type == job_type,
            ProductionJob.started_at.is_not(None),
            func.coalesce(ProductionJob.parameters["engine"].astext, "auto") == spec.engine.value,
        )
        .order_by(ProductionJob.id.desc())
        .limit(HISTORY)
    ).all()
    rates = [
        (job.ended_at - job.started_at).total_seconds() / _pixels(spec_of(job))
        for job in recent
        if job.ended_at and job.started_at
    ]
    return round(statistics.median(rates) * _pixels(spec), 1) if rates else None


def _pixels(spec: GenerationSpec) -> int:
    width, height = spec.size
    return width * height * spec.frames
