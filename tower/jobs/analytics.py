"""The measured cost of each stage of each attempt, and the duration to expect of a new generation."""

from __future__ import annotations

import statistics
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Interval, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import REQUESTED_ENGINE_SQL, GenerationAnalytics, JobStatus, JobType, ProductionJob, Stage
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec

HISTORY_JOBS = 20  # jobs: enough for a median, few enough to adapt to a new GPU

# The time before the first segment of each round was taken by a worker.
_WAITED: ColumnElement[timedelta] = literal_column(
    "(select coalesce(sum(waited), interval '0') from (select min(started_at) - min(created_at) as waited"
    " from public.render_queue where job_id = production_jobs.id group by round) as rounds)",
    Interval(),
)
# A job that only reused a take says nothing about the time of a render.
_RENDERED: ColumnElement[bool] = literal_column(
    "(select coalesce(bool_or(started_at is not null), true)"
    " from public.render_queue where job_id = production_jobs.id)",
    Boolean(),
)
# What count_job_pixels needs, without the rest of the JSON: to read whole requests costs most of a forecast.
JOB_SIZE = (
    ProductionJob.parameters["quality"].astext,
    *(ProductionJob.parameters[name].as_float() for name in ("width", "height", "duration_s", "fps")),
)


def record_stage(session: Session, attempt: Attempt, stage: Stage, *, seconds: float, **measurements: Any) -> None:
    """Store one measurement. A stage measured again in the same attempt replaces it. `measurements`: round, bytes, …"""
    row = {"job_id": attempt.job_id, "attempt": attempt.number, "stage": stage, "seconds": seconds, **measurements}
    session.execute(
        insert(GenerationAnalytics)
        .values(row)
        .on_conflict_do_update(index_elements=["job_id", "attempt", "round", "stage", "segment"], set_=row)
    )


def estimate_duration_s(session: Session, spec: GenerationSpec, *, job_type: JobType) -> float | None:
    """The expected seconds of work, without waiting: the median of recent jobs of this type, scaled by pixels.

    None without any history.
    """
    return DurationEstimator(session).estimate_s(spec, job_type=job_type)


def estimate_film_s(session: Session) -> float | None:
    """The seconds that the film of an episode usually takes once its renders are there: the median of recent ones.

    None without any history. Trailers are shorter, and do not count.
    """
    recent = session.execute(
        select(ProductionJob.started_at, ProductionJob.ended_at)
        .where(ProductionJob.job_type == JobType.FILM, ProductionJob.status == JobStatus.COMPLETED)
        .where(ProductionJob.parameters["trailer_seconds"].astext.is_(None))
        .order_by(ProductionJob.id.desc())
        .limit(HISTORY_JOBS)
    )
    took_s = [(ended_at - started_at).total_seconds() for started_at, ended_at in recent if started_at and ended_at]
    return round(statistics.median(took_s), 1) if took_s else None


class DurationEstimator:
    """Estimates durations from recent jobs. It reads the history of each type and engine only once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seconds_per_pixel_by_kind: dict[tuple[JobType, str], float | None] = {}

    def estimate_s(self, spec: GenerationSpec, *, job_type: JobType) -> float | None:
        return self.estimate_pixels_s(count_pixels(spec), engine=spec.engine, job_type=job_type)

    def estimate_pixels_s(self, pixels: int, *, engine: str, job_type: JobType) -> float | None:
        kind = (job_type, engine)
        if kind not in self._seconds_per_pixel_by_kind:
            self._seconds_per_pixel_by_kind[kind] = self._read_seconds_per_pixel(*kind)
        seconds_per_pixel = self._seconds_per_pixel_by_kind[kind]
        return None if seconds_per_pixel is None else round(seconds_per_pixel * pixels, 1)

    def _read_seconds_per_pixel(self, job_type: JobType, engine: str) -> float | None:
        recent = self._session.execute(
            select(ProductionJob.started_at, ProductionJob.ended_at, _WAITED, *JOB_SIZE)
            .where(
                text("status = 'completed'"),  # the same text as in the index
                ProductionJob.job_type == job_type,
                ProductionJob.started_at.is_not(None),
                ProductionJob.ended_at.is_not(None),
                _RENDERED,
                literal_column(REQUESTED_ENGINE_SQL) == engine,
            )
            .order_by(ProductionJob.id.desc())
            .limit(HISTORY_JOBS)
        )
        rates = [
            max(0.0, (ended_at - started_at - waited).total_seconds()) / count_job_pixels(*size)
            for started_at, ended_at, waited, *size in recent
        ]
        return statistics.median(rates) if rates else None


def count_pixels(spec: GenerationSpec) -> int:
    """The pixels of all frames of the shot."""
    width, height = spec.size
    return width * height * spec.frames


@lru_cache(maxsize=256)
def count_job_pixels(
    quality: str | None, width: float | None, height: float | None, duration_s: float | None, fps: float | None
) -> int:
    """The pixels of all frames of a job with this JOB_SIZE."""
    size: dict[str, Any] = {"quality": quality, "width": width, "height": height, "duration_s": duration_s, "fps": fps}
    named = {name: value for name, value in size.items() if value is not None}
    return int(count_pixels(GenerationSpec.model_construct(None, **named)))
