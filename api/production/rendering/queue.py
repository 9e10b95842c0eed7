"""The render queue: list, pause, resume, reorder and clear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession
from api.http.strict_routes import MAX_ID, Body, strict_router
from api.middleware.key_check import ADMIN
from api.production.dependencies import CurrentStudio, JobReconciler, Prefect
from db.models.jobs import JobStatus, JobType, Stage
from db.models.rendering import SegmentState
from tower.clients.prefect import PrefectClient
from tower.errors import UnavailableError
from tower.jobs.waiting import find_awaited
from tower.rendering.forecast import find_obstacles
from tower.rendering.live_jobs import LiveSegment
from tower.rendering.queue_eta import estimate_etas_s
from tower.rendering.queue_listing import (
    GPU_POOL,
    QueuedJob,
    QueueState,
    list_live_jobs,
    list_queue,
    sort_queue,
    sort_waiting,
)
from tower.rendering.queue_order import QueuePosition, cancel_pending, move_job
from tower.rendering.studio import Studio
from tower.rendering.workers import count_pool_slots

JobId = Annotated[int, Field(ge=1, le=MAX_ID)]

router = strict_router(prefix="/api/anime", tags=["queue"])


class QueuedSegment(BaseModel):
    segment: int
    attempt: int
    state: SegmentState
    priority: int = Field(description="Smaller renders sooner; follows the order of the queue while it waits.")
    worker: str | None = Field(description="The worker that renders or rendered it.")
    progress: float = Field(ge=0, le=1)
    step: str | None = Field(examples=["frame 12 of 28"])

    @classmethod
    def of(cls, row: LiveSegment) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class QueueEntry(BaseModel):
    """A job that has not ended. `position` is its place among the waiting jobs; null if no part of it waits."""

    position: int | None = Field(examples=[1])
    job_id: int
    state: QueueState
    status: JobStatus
    stage: Stage
    job_type: JobType
    project_id: int | None
    prompt: str
    progress: float = Field(ge=0, le=1)
    eta_s: float | None = Field(
        description="Seconds until it is rendered, estimated from the last segments; null if nothing was measured yet, "
        "or while it waits in a paused queue or cannot be rendered now."
    )
    reason: str | None = Field(
        description="Why it cannot begin or be rendered now, or which renders a film waits for.",
        examples=["gpu@box rests: ComfyUI does not answer"],
    )
    segments: list[QueuedSegment] = Field(description="The segments opened so far, the newest attempt of each.")

    @classmethod
    def of(cls, queued: QueuedJob, *, position: int | None, eta_s: float | None, reason: str | None) -> Self:
        job = queued.job
        same = ("status", "stage", "job_type", "project_id", "prompt", "progress")
        fields: dict[str, Any] = {name: getattr(job, name) for name in same}
        segments = [QueuedSegment.of(row) for row in queued.segments]
        estimate = {"position": position, "eta_s": eta_s, "reason": reason}
        return cls(job_id=job.id, state=queued.state, segments=segments, **estimate, **fields)


class Queue(BaseModel):
    """If Prefect does not answer, `paused` and `slots` are null, `reason` says why, and the order is by priority."""

    paused: bool | None
    slots: int | None = Field(
        description="Concurrent renders over all healthy workers; null if no worker has reported."
    )
    reason: str | None
    jobs: list[QueueEntry] = Field(description="Running jobs first, then waiting ones in order.")


class ClearedQueue(Queue):
    cancelled: list[int] = Field(description="Ids of the cancelled jobs.")


class ReorderRequest(Body):
    """The new place of a waiting job: exactly one of `position`, `before` and `after`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job_id": 17, "position": 1}, {"job_id": 17, "before": 12}]}
    )

    job_id: JobId
    position: int | None = Field(None, ge=1, description="Counts from 1.")
    before: JobId | None = Field(None, description="The job to place it directly before.")
    after: JobId | None = None

    @model_validator(mode="after")
    def require_one_place(self) -> Self:
        if len({"position", "before", "after"} & self.model_dump(exclude_none=True).keys()) != 1:
            raise ValueError("exactly one of position, before and after")
        if self.job_id in (self.before, self.after):
            raise ValueError("another job for before or after")
        return self


class RenderNextRequest(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"job_id": 17}]})

    job_id: JobId


@router.get("/queue")
def render_queue(session: DatabaseSession, prefect: Prefect, studio: CurrentStudio) -> Queue:
    """Every job that has not ended, in order, with its segments, their workers and the estimated time."""
    return _queue(session, prefect, studio)


@router.post("/queue/pause", dependencies=[ADMIN], responses=error_responses(503))
def pause_queue(session: DatabaseSession, prefect: Prefect, studio: CurrentStudio) -> Queue:
    """Start no more renders. Running renders continue, and new jobs are accepted."""
    prefect.set_paused(GPU_POOL, True)
    return _queue(session, prefect, studio)


@router.post("/queue/resume", dependencies=[ADMIN], responses=error_responses(503))
def resume_queue(session: DatabaseSession, prefect: Prefect, studio: CurrentStudio) -> Queue:
    """Start renders again."""
    prefect.set_paused(GPU_POOL, False)
    return _queue(session, prefect, studio)


@router.post("/queue/reorder", responses=error_responses(400, 404, 409, 413, 415, 503))
def reorder_queue(body: ReorderRequest, session: DatabaseSession, prefect: Prefect, studio: CurrentStudio) -> Queue:
    """Move a waiting job. A job that has not started stays behind jobs with waiting segments: see its `position`."""
    place = QueuePosition(body.position, body.before, body.after)
    return _move_and_list(session, prefect, studio, body.job_id, place=place)


@router.post("/queue/next", responses=error_responses(400, 404, 409, 413, 415, 503))
def render_next(body: RenderNextRequest, session: DatabaseSession, prefect: Prefect, studio: CurrentStudio) -> Queue:
    """Move a waiting job to the front, with the limits of /queue/reorder."""
    return _move_and_list(session, prefect, studio, body.job_id, place=QueuePosition(position=1))


@router.post("/queue/cancel-pending", dependencies=[ADMIN])
def cancel_pending_jobs(
    session: DatabaseSession, prefect: Prefect, studio: CurrentStudio, reconciler: JobReconciler
) -> ClearedQueue:
    """Cancel every job that has not started to render. Jobs that render or have rendered a part continue."""
    with session.begin():
        cancelled = cancel_pending(session)
    reconciler.wake()
    return ClearedQueue(**_queue(session, prefect, studio).model_dump(), cancelled=cancelled)


def _move_and_list(
    session: Session, prefect: PrefectClient, studio: Studio, job_id: int, *, place: QueuePosition
) -> Queue:
    with session.begin():
        move_job(session, prefect, job_id, place)
    return _queue(session, prefect, studio)


def _queue(session: Session, prefect: PrefectClient, studio: Studio) -> Queue:
    try:
        pool = prefect.get_work_pool(GPU_POOL)
        jobs = list_queue(session, prefect)
    except UnavailableError as error:
        jobs = sort_queue(list_live_jobs(session))
        reasons = {queued.job.id: error.message for queued in jobs if queued.state == QueueState.WAITING}
        return Queue(
            paused=None,
            slots=None,
            reason=error.message,
            jobs=_entries(jobs, {}, reasons | _find_awaited(session, jobs)),
        )
    slots = count_pool_slots(session)
    obstacles = find_obstacles(session, jobs, studio) | _find_awaited(session, jobs)
    etas = estimate_etas_s(session, jobs, slots=slots, paused=pool.is_paused)
    return Queue(paused=pool.is_paused, slots=slots, reason=None, jobs=_entries(jobs, etas, obstacles))


def _find_awaited(session: Session, jobs: Sequence[QueuedJob]) -> dict[int, str]:
    awaited = find_awaited(session, [queued.job for queued in jobs])
    return {job_id: str(found) for job_id, found in awaited.items() if found.live}


def _entries(jobs: Sequence[QueuedJob], etas: Mapping[int, float], obstacles: Mapping[int, str]) -> list[QueueEntry]:
    positions = {queued.job.id: number for number, queued in enumerate(sort_waiting(jobs), start=1)}
    return [
        QueueEntry.of(
            queued,
            position=positions.get(queued.job.id),
            eta_s=None if queued.job.id in obstacles else etas.get(queued.job.id),
            reason=obstacles.get(queued.job.id),
        )
        for queued in jobs
    ]
