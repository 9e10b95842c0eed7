"""The workers that render, and their state."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from api.http.dependencies import DatabaseSession
from api.http.strict_routes import strict_router
from api.production.dependencies import CurrentStudio, Prefect
from db.models.rendering import RenderSegment
from db.models.workers import Worker as Report
from db.models.workers import WorkerState
from tower.errors import UnavailableError
from tower.rendering.readiness import WorkerReadiness
from tower.rendering.worker_listing import KnownWorker, list_known_workers, list_seen_workers

router = strict_router(prefix="/api/anime", tags=["workers"])


class RenderingSegment(BaseModel):
    """A segment that is being rendered."""

    job_id: int
    segment: int
    progress: float = Field(ge=0, le=1)
    step: str | None = Field(examples=["frame 12 of 28"])
    started_at: datetime | None

    @classmethod
    def of(cls, row: RenderSegment) -> Self:
        return cls(
            job_id=row.job_id, segment=row.segment, progress=row.progress, step=row.step, started_at=row.started_at
        )


class SelfReport(BaseModel):
    """The last report of a worker about itself."""

    state: WorkerState
    host: str
    slots: int = Field(description="Concurrent renders.")
    engine: str = Field(examples=["comfyui"], description="The engine it uses unless a shot requests another.")
    engines: list[str] = Field(examples=[["animatic", "comfyui"]], description="All engines that it can use.")
    comfyui_url: str | None
    gpu: str | None = Field(examples=["NVIDIA GeForce RTX 3060"])
    vram_total_bytes: int | None
    vram_free_bytes: int | None
    failures_in_a_row: int = Field(
        description="Failures caused by the worker itself. After three it rests until it is healthy."
    )
    last_failure: str | None
    last_failure_code: str | None
    last_failure_at: datetime | None
    started_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls.model_validate({name: getattr(report, name) for name in cls.model_fields})


class Worker(BaseModel):
    """`report` is null until the worker sends one; `prefect_status` is null if Prefect does not know the worker.

    `can_render` and `reason` are of the present; the last failure of the report has its own time.
    """

    name: str
    pool: str = Field(examples=["gpu"])
    prefect_status: str | None = Field(examples=["ONLINE"])
    last_heartbeat: datetime | None
    can_render: bool | None = Field(
        description="Whether it would render the default workflows now; null for a worker without a report."
    )
    reason: str | None = Field(description="Why it cannot.", examples=["gpu@box: ComfyUI does not answer at …"])
    report: SelfReport | None
    rendering: list[RenderingSegment]

    @classmethod
    def of(cls, known: KnownWorker, readiness: WorkerReadiness | None) -> Self:
        return cls(
            name=known.name,
            pool=known.pool,
            prefect_status=known.prefect_worker.status if known.prefect_worker else None,
            last_heartbeat=known.prefect_worker.last_heartbeat if known.prefect_worker else None,
            can_render=None if readiness is None else readiness.reason is None,
            reason=readiness.reason if readiness else None,
            report=SelfReport.of(known.report) if known.report else None,
            rendering=[RenderingSegment.of(row) for row in known.segments],
        )


class Workers(BaseModel):
    """`reason` says why the fields from Prefect are null."""

    reason: str | None
    workers: list[Worker]


@router.get("/workers")
def workers(session: DatabaseSession, prefect: Prefect, studio: CurrentStudio) -> Workers:
    """Every worker with its state, its current renders, whether it can render now, and its last failure."""
    reason: str | None = None
    try:
        seen = list_seen_workers(prefect)
    except UnavailableError as error:
        reason, seen = error.message, {}
    assessed = studio.assess_workers(session)
    listed = list_known_workers(session, seen)
    return Workers(reason=reason, workers=[Worker.of(known, assessed.get(known.name)) for known in listed])
