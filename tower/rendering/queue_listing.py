"""The queue: jobs that render, work or wait, those that wait in the order in which Prefect hands them out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.models.jobs import LIVE, ProductionJob, Stage
from db.models.rendering import RenderSegment, SegmentState
from tower.clients.prefect import FlowRunSeen, PrefectClient

GPU_POOL = "gpu"


class QueueState(StrEnum):
    RENDERING = "rendering"
    WORKING = "working"  # before or after its render
    WAITING = "waiting"


@dataclass(frozen=True)
class WaitingRun:
    """A run that no worker has taken yet; `due` is its place in the queue of its pool."""

    flow_run_id: UUID
    due: datetime


@dataclass(frozen=True)
class QueuedJob:
    """`segments`: the newest attempt of each that was opened.

    `waiting`: its runs that wait, by when they are due: those of its segments, or before these its recipe's.
    """

    job: ProductionJob
    segments: Sequence[RenderSegment]
    waiting: Sequence[WaitingRun] = ()

    @property
    def state(self) -> QueueState:
        states = {segment.state for segment in self.segments}
        if SegmentState.PROCESSING in states:
            return QueueState.RENDERING
        return QueueState.WAITING if SegmentState.QUEUED in states or self.recipe_waits else QueueState.WORKING

    @property
    def recipe_waits(self) -> bool:
        """It has not begun, or is to begin again."""
        return not self.segments and (self.job.stage == Stage.QUEUED or self.job.launch_after is not None)

    @property
    def queued(self) -> bool:
        """Some part of it waits."""
        return self.recipe_waits or any(segment.state == SegmentState.QUEUED for segment in self.segments)


def queue(session: Session, prefect: PrefectClient) -> list[QueuedJob]:
    """What renders and works first, by when it began; then what waits. Raises UnavailableError if Prefect is silent."""
    jobs = live_jobs(session)
    runs = prefect.runs(_run_ids(jobs))
    return in_order(QueuedJob(one.job, one.segments, _waiting(one, runs)) for one in jobs)


def live_jobs(session: Session) -> list[QueuedJob]:
    """As the database knows them, without what Prefect says of their runs."""
    jobs = session.scalars(select(ProductionJob).where(ProductionJob.status.in_(LIVE)).order_by(ProductionJob.id)).all()
    segments = _segments(session)
    return [QueuedJob(job, segments.get(job.id, ())) for job in jobs]


def in_order(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    return sorted(jobs, key=_shown)


def waiting_order(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    """Those of which a part waits, as their next parts will be taken: a job whose recipe has not begun comes after
    those whose segments wait already.
    """
    return sorted((one for one in jobs if one.queued), key=_place)


def _shown(one: QueuedJob) -> tuple[int, float, tuple[bool, float, int, int]]:
    group = list(QueueState).index(one.state)
    begun = one.job.started_at if one.state != QueueState.WAITING else None
    return group, begun.timestamp() if begun else 0.0, _place(one)


def _place(one: QueuedJob) -> tuple[bool, float, int, int]:
    due = one.waiting[0].due.timestamp() if one.waiting else float("inf")
    priority = min((s.priority for s in one.segments if s.state == SegmentState.QUEUED), default=0)
    return one.recipe_waits, due, priority, one.job.id


def _segments(session: Session) -> dict[int, list[RenderSegment]]:
    """The newest attempt of each segment of the live jobs, by job."""
    newest = (
        select(RenderSegment)
        .join(ProductionJob, ProductionJob.id == RenderSegment.job_id)
        .where(ProductionJob.status.in_(LIVE))
        .ext(distinct_on(RenderSegment.job_id, RenderSegment.segment))
        .order_by(RenderSegment.job_id, RenderSegment.segment, RenderSegment.attempt.desc())
    )
    found: dict[int, list[RenderSegment]] = defaultdict(list)
    for row in session.scalars(newest):
        found[row.job_id].append(row)
    return found


def _run_ids(jobs: Iterable[QueuedJob]) -> list[UUID]:
    return [run_id for one in jobs for run_id in _waiting_ids(one)]


def _waiting_ids(one: QueuedJob) -> list[UUID]:
    if one.recipe_waits:
        return [one.job.flow_run_id] if one.job.flow_run_id else []
    return [s.flow_run_id for s in one.segments if s.state == SegmentState.QUEUED and s.flow_run_id]


def _waiting(one: QueuedJob, runs: Mapping[UUID, FlowRunSeen]) -> list[WaitingRun]:
    found = [
        WaitingRun(run_id, seen.scheduled_for)
        for run_id in _waiting_ids(one)
        if (seen := runs.get(run_id)) and seen.waits and seen.scheduled_for
    ]
    return sorted(found, key=lambda run: run.due)
