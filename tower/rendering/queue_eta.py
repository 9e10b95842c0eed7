"""Estimates when each job of the queue will be rendered, from the render times of recent segments."""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from tower.jobs.lifecycle import parse_spec
from tower.rendering.queue_listing import QueuedJob, sort_waiting

HISTORY_SEGMENTS = 20  # segments: enough for a median, few enough to adapt to a new GPU


def estimate_etas_s(
    session: Session, jobs: Sequence[QueuedJob], *, slots: int | None, paused: bool
) -> dict[int, float]:
    """The seconds until the last segment of each job is rendered, by job id, if no other job comes in.

    `slots`: simultaneous renders; None: no limit. There is no entry for any job without render history, nor for a job
    that waits in a paused queue.
    """
    seconds_per_pixel = _read_seconds_per_pixel(session)
    if seconds_per_pixel is None:
        return {}
    slot_free_s = [0.0] * (slots or 1)
    ends_s: dict[int, float] = {}
    for job_id, pixels in [*_list_running(jobs), *([] if paused else _list_waiting(jobs))]:
        start_s = heapq.heappop(slot_free_s) if slots else 0.0
        heapq.heappush(slot_free_s, start_s + pixels * seconds_per_pixel)
        ends_s[job_id] = max(ends_s.get(job_id, 0.0), start_s + pixels * seconds_per_pixel)
    stuck = {queued.job.id for queued in jobs if paused and queued.is_waiting}
    return {job_id: round(end_s, 1) for job_id, end_s in ends_s.items() if job_id not in stuck}


def _read_seconds_per_pixel(session: Session) -> float | None:
    """The median over the most recent segments; None without any."""
    rendered = (
        select(RenderSegment)
        .where(RenderSegment.state == SegmentState.COMPLETED, RenderSegment.started_at.is_not(None))
        .order_by(RenderSegment.id.desc())
        .limit(HISTORY_SEGMENTS)
    )
    rates = [
        (row.ended_at - row.started_at).total_seconds() / _segment_pixels(row)
        for row in session.scalars(rendered)
        if row.ended_at and row.started_at
    ]
    return statistics.median(rates) if rates else None


def _list_running(jobs: Sequence[QueuedJob]) -> list[tuple[int, float]]:
    """The job id and the remaining pixels of each segment that is rendering."""
    return [
        (queued.job.id, _segment_pixels(row) * (1 - row.progress))
        for queued in jobs
        for row in queued.segments
        if row.state == SegmentState.PROCESSING
    ]


def _list_waiting(jobs: Sequence[QueuedJob]) -> list[tuple[int, float]]:
    """The job id and the pixels of each waiting segment, in the order in which workers take them."""
    return [
        (queued.job.id, pixels)
        for queued in sort_waiting(jobs)
        for pixels in (
            [_job_pixels(queued.job)]
            if queued.is_recipe_waiting
            else [_segment_pixels(row) for row in queued.segments if row.state == SegmentState.QUEUED]
        )
    ]


def _job_pixels(job: ProductionJob) -> float:
    spec = parse_spec(job)
    width, height = spec.size
    return float(width * height * spec.frames)


def _segment_pixels(row: RenderSegment) -> float:
    return float(row.shot["width"] * row.shot["height"] * row.shot["frames"])
