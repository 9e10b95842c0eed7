"""Who renders, and how each of them is."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from api.http.dependencies import DatabaseSession
from api.http.strict_routes import strict_router
from api.production.dependencies import Prefect
from db.models.rendering import RenderSegment
from db.models.workers import Worker as Report
from db.models.workers import WorkerState
from tower.errors import UnavailableError
from tower.rendering.worker_listing import KnownWorker, known_workers, seen_by

router = strict_router(prefix="/api/anime", tags=["workers"])


class Rendering(BaseModel):
    """A segment that is rendered now."""

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
    """What a worker said of itself when it was last seen."""

    state: WorkerState
    host: str
    slots: int = Field(description="Renders at once.")
    engine: str = Field(examples=["comfyui"], description="What it renders with unless a shot asks for another.")
    engines: list[str] = Field(examples=[["animatic", "comfyui"]], description="All that it can render with.")
    comfyui_url: str | None
    gpu: str | None = Field(examples=["NVIDIA GeForce RTX 3060"])
    vram_total_bytes: int | None
    vram_free_bytes: int | None
    failures_in_a_row: int = Field(description="For reasons of its own; at three it rests until it is well.")
    last_failure: str | None
    last_failure_code: str | None
    last_failure_at: datetime | None
    started_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        return cls.model_validate({name: getattr(report, name) for name in cls.model_fields})


class Worker(BaseModel):
    """`report` is null until the worker has reported itself; `prefect_status` while Prefect does not know it."""

    name: str
    pool: str = Field(examples=["gpu"])
    prefect_status: str | None = Field(examples=["ONLINE"])
    last_heartbeat: datetime | None
    report: SelfReport | None
    rendering: list[Rendering]

    @classmethod
    def of(cls, known: KnownWorker) -> Self:
        return cls(
            name=known.name,
            pool=known.pool,
            prefect_status=known.seen.status if known.seen else None,
            last_heartbeat=known.seen.last_heartbeat if known.seen else None,
            report=SelfReport.of(known.report) if known.report else None,
            rendering=[Rendering.of(row) for row in known.rendering],
        )


class Workers(BaseModel):
    """`reason`: why Prefect's part of it is null."""

    reason: str | None
    workers: list[Worker]


@router.get("/workers")
def workers(session: DatabaseSession, prefect: Prefect) -> Workers:
    """Every worker: what it is, how it is, what it renders now, and its last failure."""
    reason: str | None = None
    try:
        seen = seen_by(prefect)
    except UnavailableError as silent:
        reason, seen = silent.message, {}
    return Workers(reason=reason, workers=[Worker.of(known) for known in known_workers(session, seen)])
