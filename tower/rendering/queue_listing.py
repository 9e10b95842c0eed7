"""The queue: the jobs that render, work or wait. Waiting jobs are in the order in which Prefect hands them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from sqlalchemy.orm import Session

from db.models.jobs import JobType, Stage
from db.models.rendering import SegmentState
from tower.clients.prefect import FlowRunInfo, PrefectClient
from tower.rendering.live_jobs import LiveJob, LiveSegment, read_live_jobs, read_live_segments, read_started_jobs

GPU_POOL = "gpu"


class QueueState(StrEnum):
    RENDERING = "rendering"
    WORKING = "working"  # a step before or after the render
    WAITING = "waiting"


_GROUPS = {state: number for number, state in enumerate(QueueState)}


@dataclass(frozen=True)
class WaitingRun:
    """A run that no worker has taken yet. `scheduled_for` determines its position in the queue of its pool."""

    flow_run_id: UUID
    scheduled_for: datetime


@dataclass(frozen=True)
class QueuedJob:
    """A live job. `segments`: the newest attempt of each opened segment.

    `waiting_runs`: the waiting runs of its segments, or of its recipe before it has segments, sorted by
    `scheduled_for`.
    """

    job: LiveJob
    segments: Sequence[LiveSegment]
    waiting_runs: Sequence[WaitingRun] = ()

    @property
    def is_film(self) -> bool:
        """Whether the job makes a film: it renders nothing itself and has no place among the renders."""
        return self.job.job_type == JobType.FILM

    @cached_property
    def state(self) -> QueueState:
        if not self.segments:
            return QueueState.WAITING if self.is_recipe_waiting else QueueState.WORKING
        states = {segment.state for segment in self.segments}
        if SegmentState.PROCESSING in states:
            return QueueState.RENDERING
        return QueueState.WAITING if SegmentState.QUEUED in states else QueueState.WORKING

    @cached_property
    def is_recipe_waiting(self) -> bool:
        """Whether the recipe has not begun, or will begin again."""
        return not self.segments and (self.job.stage == Stage.QUEUED or self.job.is_launching)

    @cached_property
    def is_waiting(self) -> bool:
        """Whether some part of the job waits for a worker that renders."""
        return not self.is_film and (
            self.is_recipe_waiting or any(segment.state == SegmentState.QUEUED for segment in self.segments)
        )


def list_queue(session: Session, prefect: PrefectClient) -> list[QueuedJob]:
    """List the rendering jobs, then the working ones, then the waiting ones.

    Raises UnavailableError if Prefect does not answer.
    """
    jobs = list_live_jobs(session)
    runs = prefect.get_runs(_list_waiting_run_ids(jobs))
    return sort_queue(QueuedJob(queued.job, queued.segments, _select_waiting_runs(queued, runs)) for queued in jobs)


def list_live_jobs(session: Session) -> list[QueuedJob]:
    """List the live jobs from the database only, without their waiting runs."""
    segments = read_live_segments(session)
    return [QueuedJob(job, segments.get(job.id, ())) for job in read_live_jobs(session)]


def list_started_jobs(session: Session, also: Sequence[int] = ()) -> list[QueuedJob]:
    """List the live jobs as list_live_jobs does, of those whose recipe has not begun only the ones of `also`."""
    segments = read_live_segments(session)
    return [QueuedJob(job, segments.get(job.id, ())) for job in read_started_jobs(session, also)]


def sort_queue(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    return sorted(jobs, key=_queue_sort_key)


def sort_waiting(jobs: Iterable[QueuedJob]) -> list[QueuedJob]:
    """Sort the waiting jobs in the order in which workers take their next parts.

    A job whose recipe has not begun comes after all jobs whose segments already wait.
    """
    return sorted((queued for queued in jobs if queued.is_waiting), key=_waiting_sort_key)


def _queue_sort_key(queued: QueuedJob) -> tuple[int, float, tuple[bool, float, int, int]]:
    group = _GROUPS[queued.state]
    started_at = queued.job.started_at if queued.state != QueueState.WAITING else None
    return group, started_at.timestamp() if started_at else 0.0, _waiting_sort_key(queued)


def _waiting_sort_key(queued: QueuedJob) -> tuple[bool, float, int, int]:
    due = queued.waiting_runs[0].scheduled_for.timestamp() if queued.waiting_runs else float("inf")
    priority = min((row.priority for row in queued.segments if row.state == SegmentState.QUEUED), default=0)
    return queued.is_recipe_waiting, due, priority, queued.job.id


def _list_waiting_run_ids(jobs: Iterable[QueuedJob]) -> list[UUID]:
    return [run_id for queued in jobs for run_id in _waiting_run_ids(queued)]


def _waiting_run_ids(queued: QueuedJob) -> list[UUID]:
    if queued.is_recipe_waiting:
        return [queued.job.flow_run_id] if queued.job.flow_run_id else []
    return [row.flow_run_id for row in queued.segments if row.state == SegmentState.QUEUED and row.flow_run_id]


def _select_waiting_runs(queued: QueuedJob, runs: Mapping[UUID, FlowRunInfo]) -> list[WaitingRun]:
    waiting = [
        WaitingRun(run_id, seen.scheduled_for)
        for run_id in _waiting_run_ids(queued)
        if (seen := runs.get(run_id)) and seen.is_waiting and seen.scheduled_for
    ]
    return sorted(waiting, key=lambda run: run.scheduled_for)
