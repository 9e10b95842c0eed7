"""Changes the order of the waiting jobs, and cancels them.

Prefect hands out the runs of a pool in the order of their scheduled times. To move a job, Tower gives its runs times
between those of its new neighbours. `render_queue.priority` mirrors the order for the time that Prefect is unavailable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobType, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from tower.clients.prefect import PrefectClient
from tower.errors import ConflictError
from tower.jobs import lifecycle
from tower.rendering.queue_listing import QueuedJob, list_queue, sort_waiting

ORDER_LOCK_ID = 0x70_77_72_71  # the advisory lock in PostgreSQL that a change of the order takes
DEFAULT_PRIORITY = 5
TICK = timedelta(microseconds=1)  # the precision of Prefect's times
LEAD_TIME = timedelta(seconds=1)  # before the next job, for a job that becomes the first


@dataclass(frozen=True)
class QueuePosition:
    """The new position in the queue: a number from 1, or the id of the job before or after it. Exactly one is set."""

    position: int | None = None
    before: int | None = None
    after: int | None = None


def move_job(session: Session, prefect: PrefectClient, job_id: int, target: QueuePosition) -> None:
    """Move a waiting job. A job whose recipe has not begun stays behind the jobs whose segments wait.

    Raises NotFoundError for an unknown job, ConflictError for a job that does not wait, and UnavailableError if Prefect
    does not answer.
    """
    session.execute(select(func.pg_advisory_xact_lock(ORDER_LOCK_ID)))
    waiting = [queued for queued in sort_waiting(list_queue(session, prefect)) if queued.waiting_runs]
    moved = _find_waiting(session, waiting, job_id)
    same_pool = [queued for queued in waiting if queued.is_recipe_waiting == moved.is_recipe_waiting]
    others = [queued for queued in same_pool if queued is not moved]
    index = _find_index(session, target, waiting=waiting, others=others, first=waiting.index(same_pool[0]))
    order = [*others[:index], moved, *others[index:]]
    for run_id, due in reschedule_times(order, index, now=prefect.read_clock()):
        if not prefect.reschedule(run_id, due):
            raise ConflictError(f"Generation {job_id} does not wait any more: a worker has just taken it")
    _write_priorities(session, order)


def reschedule_times(order: Sequence[QueuedJob], index: int, *, now: datetime) -> Iterator[tuple[UUID, datetime]]:
    """The scheduled times that put the runs of `order[index]` between those of its neighbours.

    If there is no room between the neighbours, the jobs before it get new times too. `now` is the time by Prefect's
    clock: a run that is due later than that waits although a worker is free.
    """
    end = order[index + 1].waiting_runs[0].scheduled_for if index + 1 < len(order) else _time_after(order, now)
    first = index
    runs = list(order[index].waiting_runs)
    while first and end - order[first - 1].waiting_runs[-1].scheduled_for <= TICK * (len(runs) + 1):
        first -= 1
        runs = [*order[first].waiting_runs, *runs]
    start = order[first - 1].waiting_runs[-1].scheduled_for if first else end - LEAD_TIME
    step = (end - start) / (len(runs) + 1)
    return ((run.flow_run_id, start + step * number) for number, run in enumerate(runs, start=1))


def cancel_pending(session: Session) -> list[int]:
    """Cancel every job that has not begun to render, and return the ids. A job that has begun to render continues.

    A film goes on waiting for its renders, and fails if one of them is cancelled here.
    """
    has_begun = exists().where(
        RenderSegment.job_id == ProductionJob.id,
        or_(RenderSegment.started_at.is_not(None), RenderSegment.state == SegmentState.COMPLETED),
    )
    pending = (
        select(ProductionJob.id)
        .where(ProductionJob.status.in_(LIVE_STATUSES), ProductionJob.job_type != JobType.FILM, ~has_begun)
        .order_by(ProductionJob.id)
    )
    cancelled = []
    for job_id in session.scalars(pending).all():
        # While the rows are locked no run can claim them, so a job that is still pending here stays so.
        session.execute(select(RenderSegment.id).where(RenderSegment.job_id == job_id).with_for_update())
        if session.scalar(pending.where(ProductionJob.id == job_id)) is not None:
            cancelled.append(lifecycle.cancel_job(session, job_id).id)
    return cancelled


def _find_waiting(session: Session, waiting: Sequence[QueuedJob], job_id: int) -> QueuedJob:
    queued = next((queued for queued in waiting if queued.job.id == job_id), None)
    if queued is None:
        job = lifecycle.find_job(session, str(job_id))
        if job.job_type == JobType.FILM:
            raise ConflictError(f"Generation {job_id} makes a film: move the renders that it waits for")
        if job.launch_after is not None:
            raise ConflictError(f"Generation {job_id} has not reached Prefect's queue yet: try again in a moment")
        raise ConflictError(f"Generation {job_id} does not wait: it is {job.status}, stage {job.stage}")
    return queued


def _find_index(
    session: Session, place: QueuePosition, *, waiting: Sequence[QueuedJob], others: Sequence[QueuedJob], first: int
) -> int:
    """The index in `others` to insert at. `first`: the index in the whole queue of the first job of the same pool."""
    if place.position is not None:
        index = place.position - 1 - first
    elif place.before is not None:
        index = _index_beside(others, _find_waiting(session, waiting, place.before))
    else:
        assert place.after is not None
        index = _index_beside(others, _find_waiting(session, waiting, place.after), after=1)
    return min(max(index, 0), len(others))


def _index_beside(others: Sequence[QueuedJob], neighbour: QueuedJob, *, after: int = 0) -> int:
    if neighbour in others:
        return others.index(neighbour) + after
    return (
        len(others) if neighbour.is_recipe_waiting else 0
    )  # the neighbour waits for another pool: as near as possible


def _time_after(order: Sequence[QueuedJob], now: datetime) -> datetime:
    """A time after all of these runs, and not before now."""
    last = max(queued.waiting_runs[-1].scheduled_for for queued in order)
    return max(now, last + TICK * 1000)


def _write_priorities(session: Session, order: Sequence[QueuedJob]) -> None:
    """Write priorities that sort these jobs as `order` does. As many jobs as possible keep the default priority."""
    priority, next_id = DEFAULT_PRIORITY, None
    for queued in reversed(order):
        if next_id is not None and queued.job.id > next_id:
            priority -= 1
        next_id = queued.job.id
        session.execute(
            update(RenderSegment)
            .where(RenderSegment.job_id == queued.job.id, RenderSegment.state == SegmentState.QUEUED)
            .values(priority=priority)
        )
