"""The live jobs and their segments, without the JSON of their requests, steps and shots.

Jobs that wait for their recipe can be many: a forecast reads them in groups that are alike, not one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, column, exists, func, not_, or_, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, distinct_on
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobStatus, JobType, ProductionJob, Stage
from db.models.rendering import RenderSegment, SegmentState
from tower.jobs.analytics import JOB_SIZE, count_job_pixels
from tower.settings import AUTO_ENGINE


class LiveJob(NamedTuple):
    """A job that has not ended.

    `is_launching`: its next run is not requested yet. `engine` and `workflow` are those of its request. `pixels`: of
    all its frames; without meaning for a film.
    """

    id: int
    job_type: JobType
    status: JobStatus
    stage: Stage
    progress: float
    project_id: int | None
    prompt: str
    flow_run_id: UUID | None
    started_at: datetime | None
    waits_for: Sequence[int]
    is_launching: bool
    engine: str
    workflow: str | None
    pixels: int


class WaitingGroup(NamedTuple):
    """Jobs whose recipe has not begun and that cost the same. `ids`: in the order in which they begin."""

    job_type: JobType
    engine: str
    pixels: int
    ids: Sequence[int]


class LiveSegment(NamedTuple):
    """The newest attempt at a segment of a live job. `pixels`: of all its frames; None if its shot has no size."""

    job_id: int
    segment: int
    attempt: int
    state: SegmentState
    priority: int
    worker: str | None
    progress: float
    step: str | None
    engine: str
    flow_run_id: UUID | None
    started_at: datetime | None
    pixels: float | None


_JOB_COLUMNS = (
    ProductionJob.id,
    ProductionJob.job_type,
    ProductionJob.status,
    ProductionJob.stage,
    ProductionJob.progress,
    ProductionJob.project_id,
    ProductionJob.prompt,
    ProductionJob.flow_run_id,
    ProductionJob.started_at,
    ProductionJob.waits_for,
    ProductionJob.launch_after.is_not(None),
    func.coalesce(ProductionJob.parameters["engine"].astext, AUTO_ENGINE),
    ProductionJob.parameters["workflow"].astext,
)
_IS_LIVE = ProductionJob.status.in_(LIVE_STATUSES)
_HAS_TO_BEGIN = and_(  # as QueuedJob.is_recipe_waiting, for a job that has a place in the queue
    ProductionJob.job_type != JobType.FILM,
    or_(ProductionJob.stage == Stage.QUEUED, ProductionJob.launch_after.is_not(None)),
    ~exists().where(RenderSegment.job_id == ProductionJob.id),
)
# A shot is large with its graph. The function unpacks it once for all three.
SHOT_SIZE = (
    func.jsonb_to_record(RenderSegment.shot)
    .table_valued(*(column(name, JSONB) for name in ("width", "height", "frames")), joins_implicitly=True)
    .render_derived(name="shot_size", with_types=True)
)
_SEGMENT_COLUMNS = (
    RenderSegment.job_id,
    RenderSegment.segment,
    RenderSegment.attempt,
    RenderSegment.state,
    RenderSegment.priority,
    RenderSegment.worker,
    RenderSegment.progress,
    RenderSegment.step,
    RenderSegment.engine,
    RenderSegment.flow_run_id,
    RenderSegment.started_at,
)


def read_live_jobs(session: Session) -> list[LiveJob]:
    """Read the live jobs, by id."""
    return _read_jobs(session, _IS_LIVE)


def read_started_jobs(session: Session, also: Sequence[int] = ()) -> list[LiveJob]:
    """Read the live jobs that are in no WaitingGroup, and those of `also`, by id."""
    return _read_jobs(session, and_(_IS_LIVE, or_(not_(_HAS_TO_BEGIN), ProductionJob.id.in_(also))))


def read_waiting_groups(session: Session) -> list[WaitingGroup]:
    """Read the jobs whose recipe has not begun: a row for all that are alike."""
    engine = func.coalesce(ProductionJob.parameters["engine"].astext, AUTO_ENGINE).label("engine")
    size = [side.label(f"size_{number}") for number, side in enumerate(JOB_SIZE)]
    jobs = select(ProductionJob.id, ProductionJob.job_type, engine, *size).where(_IS_LIVE, _HAS_TO_BEGIN).subquery()
    alike = list(jobs.c)[1:]
    ids = func.array_agg(aggregate_order_by(jobs.c.id, jobs.c.id))
    rows = session.execute(select(*alike, ids).group_by(*alike))
    return [WaitingGroup(job_type, engine, count_job_pixels(*size), ids) for job_type, engine, *size, ids in rows]


def read_live_segments(session: Session) -> dict[int, list[LiveSegment]]:
    """Read the newest attempt at each segment of the live jobs, by job id."""
    newest = (
        select(*_SEGMENT_COLUMNS, *SHOT_SIZE.c)
        .join(ProductionJob, ProductionJob.id == RenderSegment.job_id)
        .where(ProductionJob.status.in_(LIVE_STATUSES))
        .ext(distinct_on(RenderSegment.job_id, RenderSegment.segment))
        .order_by(RenderSegment.job_id, RenderSegment.segment, RenderSegment.attempt.desc())
    )
    segments: dict[int, list[LiveSegment]] = defaultdict(list)
    count = len(_SEGMENT_COLUMNS)
    for row in session.execute(newest):
        segments[row.job_id].append(LiveSegment._make((*row[:count], shot_pixels(row.width, row.height, row.frames))))
    return segments


def shot_pixels(*sides: float | None) -> float | None:
    """The pixels of all frames of a shot with this SHOT_SIZE."""
    known = [side for side in sides if side is not None]
    return math.prod(known) if len(known) == len(sides) else None


def _read_jobs(session: Session, condition: ColumnElement[bool]) -> list[LiveJob]:
    found = select(*_JOB_COLUMNS, *JOB_SIZE).where(condition).order_by(ProductionJob.id)
    count = len(_JOB_COLUMNS)
    return [LiveJob._make((*row[:count], count_job_pixels(*row[count:]))) for row in session.execute(found)]
