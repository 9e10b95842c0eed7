"""Changing the order of what waits, and clearing it.

Prefect hands out the runs of a pool in the order of their scheduled times, so a job is moved by giving its runs times
between those of its new neighbours. `render_queue.priority` mirrors the order, for when Prefect is away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from db.models.jobs import LIVE, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from tower.clients.prefect import PrefectClient
from tower.errors import ConflictError
from tower.jobs import lifecycle
from tower.rendering.queue_listing import QueuedJob, queue, waiting_order

ONE_AT_A_TIME = 0x70_77_72_71  # PostgreSQL's advisory lock of whoever changes the order
USUAL_PRIORITY = 5
TICK = timedelta(microseconds=1)  # the finest that Prefect keeps
AHEAD = timedelta(seconds=1)


@dataclass(frozen=True)
class Place:
    """Where to: a position from 1, or beside another job. Exactly one is set."""

    position: int | None = None
    before: int | None = None
    after: int | None = None


def move(session: Session, prefect: PrefectClient, job_id: int, place: Place) -> None:
    """Give a waiting job another place. One whose recipe has not begun stays behind those whose segments wait.

    Raises NotFoundError for an unknown job, ConflictError for one that does not wait (any more), UnavailableError.
    """
    session.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
    waiting = [one for one in waiting_order(queue(session, prefect)) if one.waiting]
    mine = _of(session, waiting, job_id)
    alike = [one for one in waiting if one.recipe_waits == mine.recipe_waits]
    others = [one for one in alike if one is not mine]
    index = _index(session, place, waiting=waiting, others=others, first=waiting.index(alike[0]))
    order = [*others[:index], mine, *others[index:]]
    for run_id, due in new_times(order, index):
        if not prefect.reschedule(run_id, due):
            raise ConflictError(f"Generation {job_id} was taken by a worker in this moment: nothing is left to move")
    _mirror(session, order)


def new_times(order: Sequence[QueuedJob], index: int) -> Iterator[tuple[UUID, datetime]]:
    """Times that bring the runs of `order[index]` between those of its neighbours.

    Where there is no room left between them, the neighbours before it get new times too.
    """
    end = order[index + 1].waiting[0].due if index + 1 < len(order) else _after_all(order)
    first = index
    runs = list(order[index].waiting)
    while first and end - order[first - 1].waiting[-1].due <= TICK * (len(runs) + 1):
        first -= 1
        runs = [*order[first].waiting, *runs]
    start = order[first - 1].waiting[-1].due if first else end - AHEAD
    step = (end - start) / (len(runs) + 1)
    return ((run.flow_run_id, start + step * number) for number, run in enumerate(runs, start=1))


def cancel_pending(session: Session) -> list[int]:
    """Cancel every job that has not begun to render; the ids. What renders, or has rendered a part, goes on."""
    begun = exists().where(
        RenderSegment.job_id == ProductionJob.id,
        or_(RenderSegment.started_at.is_not(None), RenderSegment.state == SegmentState.COMPLETED),
    )
    pending = select(ProductionJob.id).where(ProductionJob.status.in_(LIVE), ~begun).order_by(ProductionJob.id)
    cancelled = []
    for job_id in session.scalars(pending).all():
        # with its rows locked no run can claim one, so what was pending is so still when it is cancelled
        session.execute(select(RenderSegment.id).where(RenderSegment.job_id == job_id).with_for_update())
        if session.scalar(pending.where(ProductionJob.id == job_id)) is not None:
            cancelled.append(lifecycle.cancel(session, job_id).id)
    return cancelled


def _of(session: Session, waiting: Sequence[QueuedJob], job_id: int) -> QueuedJob:
    found = next((one for one in waiting if one.job.id == job_id), None)
    if found is None:
        job = lifecycle.find_job(session, str(job_id))
        if job.launch_after is not None:
            raise ConflictError(f"Generation {job_id} has not reached Prefect's queue yet: try again in a moment")
        raise ConflictError(f"Generation {job_id} does not wait: it is {job.status}, stage {job.stage}")
    return found


def _index(
    session: Session, place: Place, *, waiting: Sequence[QueuedJob], others: Sequence[QueuedJob], first: int
) -> int:
    """Where in `others` to; `first` is the place of the first of its kind in the whole queue."""
    if place.position is not None:
        wanted = place.position - 1 - first
    elif place.before is not None:
        wanted = _beside(others, _of(session, waiting, place.before))
    else:
        assert place.after is not None
        wanted = _beside(others, _of(session, waiting, place.after), after=1)
    return min(max(wanted, 0), len(others))


def _beside(others: Sequence[QueuedJob], one: QueuedJob, *, after: int = 0) -> int:
    if one in others:
        return others.index(one) + after
    return len(others) if one.recipe_waits else 0  # it waits for another pool: as near as can be


def _after_all(order: Sequence[QueuedJob]) -> datetime:
    """Later than all of them, and due already."""
    last = max(one.waiting[-1].due for one in order)
    return max(datetime.now(UTC), last + TICK * 1000)


def _mirror(session: Session, order: Sequence[QueuedJob]) -> None:
    """Priorities that sort these jobs as `order` does, the usual one for as many as can have it."""
    priority, following = USUAL_PRIORITY, None
    for one in reversed(order):
        if following is not None and one.job.id > following:
            priority -= 1
        following = one.job.id
        session.execute(
            update(RenderSegment)
            .where(RenderSegment.job_id == one.job.id, RenderSegment.state == SegmentState.QUEUED)
            .values(priority=priority)
        )
