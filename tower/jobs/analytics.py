"""What each stage of each attempt cost, as measured, and what a generation may therefore take."""

from __future__ import annotations

import statistics
from typing import Any

from sqlalchemy import literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import ASKED_ENGINE, GenerationAnalytics, JobType, ProductionJob, Stage
from tower.jobs.lifecycle import Attempt
from tower.jobs.spec import GenerationSpec

HISTORY = 20  # jobs; enough for a median, few enough to follow a new GPU


def record_stage(session: Session, attempt: Attempt, stage: Stage, *, seconds: float, **measured: Any) -> None:
    """Keep one measurement; a stage measured again in the same attempt replaces it. `measured`: round, bytes, …"""
    row = {"job_id": attempt.job_id, "attempt": attempt.number, "stage": stage, "seconds": seconds, **measured}
    session.execute(
        insert(GenerationAnalytics)
        .values(row)
        .on_conflict_do_update(index_elements=["job_id", "attempt", "round", "stage", "segment"], set_=row)
    )


def estimate_s(session: Session, spec: GenerationSpec, *, job_type: JobType) -> float | None:
    """Seconds from start to end, from the last jobs of this type, scaled by pixels; None without any history."""
    return Paces(session).estimate_s(spec, job_type=job_type)


class Paces:
    """How fast generations have been, with one look at the past of each type and engine however many are asked of."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[JobType, str], float | None] = {}

    def estimate_s(self, spec: GenerationSpec, *, job_type: JobType) -> float | None:
        kind = (job_type, spec.engine)
        if kind not in self._known:
            self._known[kind] = self._seconds_a_pixel(*kind)
        pace = self._known[kind]
        return None if pace is None else round(pace * _pixels(spec), 1)

    def _seconds_a_pixel(self, job_type: JobType, engine: str) -> float | None:
        recent = self._session.execute(
            select(ProductionJob.started_at, ProductionJob.ended_at, ProductionJob.parameters)
            .where(
                text("status = 'completed'"),  # as written in the index
                ProductionJob.job_type == job_type,
                ProductionJob.started_at.is_not(None),
                ProductionJob.ended_at.is_not(None),
                literal_column(ASKED_ENGINE) == engine,
            )
            .order_by(ProductionJob.id.desc())
            .limit(HISTORY)
        )
        paces = [(end - start).total_seconds() / _pixels(GenerationSpec.model_validate(p)) for start, end, p in recent]
        return statistics.median(paces) if paces else None


def _pixels(spec: GenerationSpec) -> int:
    width, height = spec.size
    return width * height * spec.frames
