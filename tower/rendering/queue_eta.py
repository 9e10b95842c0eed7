"""When each job of the queue will be rendered, from what segments took to render so far."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.rendering import RenderSegment, SegmentState
from tower.jobs.lifecycle import spec_of
from tower.rendering.queue_listing import QueuedJob, waiting_order

HISTORY = 20  # segments; enough for a median, few enough to follow a new GPU


def etas_s(session: Session, jobs: Sequence[QueuedJob], *, slots: int | None, paused: bool) -> dict[int, float]:
    """Seconds until each job's last segment is rendered, if nothing else comes; no entry where nobody can know.

    `slots`: renders at once, None: any number. In a paused queue, what waits has no such time.
    """
    rate = _seconds_per_pixel(session)
    if rate is None:
        return {}
    free = [0.0] * (slots or 1)
    ends: dict[int, float] = {}
    for job_id, pixels in [*_running(jobs), *([] if paused else _waiting(jobs))]:
        starts = heapq.heappop(free) if slots else 0.0
        heapq.heappush(free, starts + pixels * rate)
        ends[job_id] = max(ends.get(job_id, 0.0), starts + pixels * rate)
    stuck = {one.job.id for one in jobs if paused and one.queued}
    return {job_id: round(end, 1) for job_id, end in ends.items() if job_id not in stuck}


def _seconds_per_pixel(session: Session) -> float | None:
    """The median over the segments rendered last."""
    rendered = (
        select(RenderSegment)
        .where(RenderSegment.state == SegmentState.COMPLETED, RenderSegment.started_at.is_not(None))
        .order_by(RenderSegment.id.desc())
        .limit(HISTORY)
    )
    rates = [
        (row.ended_at - row.started_at).total_seconds() / _pixels_of(row)
        for row in session.scalars(rendered)
        if row.ended_at and row.started_at
    ]
    return statistics.median(rates) if rates else None


def _running(jobs: Sequence[QueuedJob]) -> list[tuple[int, float]]:
    """The job and the pixels left of each segment that renders now."""
    return [
        (one.job.id, _pixels_of(row) * (1 - row.progress))
        for one in jobs
        for row in one.segments
        if row.state == SegmentState.PROCESSING
    ]


def _waiting(jobs: Sequence[QueuedJob]) -> list[tuple[int, float]]:
    """The job and the pixels of each segment that waits, in the order in which they will be taken."""
    return [
        (one.job.id, pixels)
        for one in waiting_order(jobs)
        for pixels in (
            [_pixels_asked(one)]
            if one.recipe_waits
            else [_pixels_of(row) for row in one.segments if row.state == SegmentState.QUEUED]
        )
    ]


def _pixels_asked(one: QueuedJob) -> float:
    spec = spec_of(one.job)
    width, height = spec.size
    return float(width * height * spec.frames)


def _pixels_of(row: RenderSegment) -> float:
    return float(row.shot["width"] * row.shot["height"] * row.shot["frames"])
