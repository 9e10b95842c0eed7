"""Estimates when each job of the queue will be rendered, from the render times of recent segments."""

from __future__ import annotations

import heapq
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.rendering import RenderSegment, SegmentState
from tower.jobs.analytics import DurationEstimator
from tower.rendering.live_jobs import SHOT_SIZE, LiveSegment, WaitingGroup, shot_pixels
from tower.rendering.queue_listing import QueuedJob, sort_waiting

HISTORY_SEGMENTS = 20  # segments: enough for a median, few enough to adapt to a new GPU


def estimate_etas_s(
    session: Session,
    jobs: Sequence[QueuedJob],
    *,
    slots: int | None,
    paused: bool,
    groups: Sequence[WaitingGroup] = (),
) -> dict[int, float]:
    """The seconds until the last segment of each job is rendered, by job id, if no other job comes in. Films have none.

    `slots`: simultaneous renders; None: no limit. There is no entry for a job whose cost, or that of a job before it,
    is not known from earlier renders, nor for a job that waits in a paused queue. `groups`: further jobs, whose recipe
    has not begun.
    """
    jobs = [queued for queued in jobs if not queued.is_film]
    costs = _Costs(_read_seconds_per_pixel(session), DurationEstimator(session))
    slot_free_s = [0.0] * (slots or 1)
    ends_s: dict[int, float] = {}
    waiting = [] if paused else [*_list_waiting(jobs, costs), *_list_unbegun(jobs, groups, costs)]
    for job_id, seconds in [*_list_running(jobs, costs), *waiting]:
        start_s = heapq.heappop(slot_free_s) if slots else 0.0
        end_s = math.inf if seconds is None else start_s + seconds
        heapq.heappush(slot_free_s, end_s)
        ends_s[job_id] = max(ends_s.get(job_id, 0.0), end_s)
    stuck = {queued.job.id for queued in jobs if paused and queued.is_waiting}
    return {job_id: round(end_s, 1) for job_id, end_s in ends_s.items() if math.isfinite(end_s) and job_id not in stuck}


class _Costly(Protocol):
    """What the cost of a job depends on."""

    @property
    def job_type(self) -> JobType: ...

    @property
    def engine(self) -> str: ...

    @property
    def pixels(self) -> int: ...


@dataclass(frozen=True)
class _Costs:
    """The seconds of a render, from the segments and the jobs that were rendered last."""

    seconds_per_pixel: float | None
    durations: DurationEstimator

    def job_s(self, job: _Costly) -> float | None:
        known_s = self.durations.estimate_pixels_s(job.pixels, engine=job.engine, job_type=job.job_type)
        if known_s is not None or self.seconds_per_pixel is None:
            return known_s
        return job.pixels * self.seconds_per_pixel

    def segment_s(self, queued: QueuedJob, row: LiveSegment) -> float | None:
        if self.seconds_per_pixel is not None and row.pixels is not None:
            return row.pixels * self.seconds_per_pixel
        whole_s = self.job_s(queued.job)
        return None if whole_s is None else whole_s / len(queued.segments)


def _read_seconds_per_pixel(session: Session) -> float | None:
    """The median over the most recent segments; None without any."""
    rendered = (
        select(RenderSegment.ended_at - RenderSegment.started_at, *SHOT_SIZE.c)
        .where(RenderSegment.state == SegmentState.COMPLETED, RenderSegment.started_at.is_not(None))
        .order_by(RenderSegment.id.desc())
        .limit(HISTORY_SEGMENTS)
    )
    rates = [
        took.total_seconds() / pixels
        for took, *size in session.execute(rendered)
        if took is not None and (pixels := shot_pixels(*size))
    ]
    return statistics.median(rates) if rates else None


def _list_running(jobs: Sequence[QueuedJob], costs: _Costs) -> list[tuple[int, float | None]]:
    """The job id and the remaining seconds of each segment that is rendering."""
    return [
        (queued.job.id, None if (whole_s := costs.segment_s(queued, row)) is None else whole_s * (1 - row.progress))
        for queued in jobs
        for row in queued.segments
        if row.state == SegmentState.PROCESSING
    ]


def _list_waiting(jobs: Sequence[QueuedJob], costs: _Costs) -> list[tuple[int, float | None]]:
    """The job id and the seconds of each waiting segment, in the order in which workers take them.

    A job that works before its render comes after them.
    """
    waiting = sort_waiting(jobs)
    segments = [
        (queued.job.id, costs.segment_s(queued, row))
        for queued in waiting
        for row in queued.segments
        if row.state == SegmentState.QUEUED
    ]
    preparing = [queued for queued in jobs if not queued.segments and not queued.is_recipe_waiting]
    return segments + [(queued.job.id, costs.job_s(queued.job)) for queued in preparing]


def _list_unbegun(
    jobs: Sequence[QueuedJob], groups: Sequence[WaitingGroup], costs: _Costs
) -> list[tuple[int, float | None]]:
    """The job id and the seconds of each job whose recipe has not begun, in the order in which they begin."""
    listed = [(queued.job.id, costs.job_s(queued.job)) for queued in sort_waiting(jobs) if queued.is_recipe_waiting]
    grouped: dict[int, float | None] = {}
    for group in groups:
        grouped |= dict.fromkeys(group.ids, costs.job_s(group))
    return listed + sorted(grouped.items(), key=itemgetter(0))
