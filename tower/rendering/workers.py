"""The health of the gpu workers, and the capacity of their pool.

The worker's supervisor writes the rest of its row (deployments/worker_row.py).

A worker that fails three segments in a row for reasons of its own (its ComfyUI is away), or three different shots alike
(out of memory), is `unwell` and takes no more segments until a check of it succeeds; then one more
failure makes it unwell again (the half-open state of a circuit breaker: M. Nygard, Release It!, 2007). A full disk or a
failed graphics device makes it unwell at once. tower/rendering/blame.py says which failures count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.errors import TowerError
from tower.errors.foreign import one_line
from tower.rendering.blame import (
    ABSENT_CODES,
    SERVER_FAULT_CODES,
    SICK_CODES,
    SUSPECTED_CODES,
    count_shots_failing_alike,
)
from tower.rendering.failure_limits import SEEN_RECENTLY, UNWELL_AFTER_FAILURES

WORKER_FAULT_CODES = SERVER_FAULT_CODES | SUSPECTED_CODES


def is_worker_fault(error: TowerError) -> bool:
    """Whether the error may be the worker's fault, so that another worker might succeed."""
    return error.code in WORKER_FAULT_CODES


def record_success(session: Session, name: str) -> None:
    """Record that the worker rendered and stored a segment."""
    session.execute(update(Worker).where(Worker.name == name).values(failures_in_a_row=0, state=WorkerState.READY))


def record_failure(session: Session, name: str, error: TowerError) -> None:
    """Record that a segment, which is failed already, failed by what may be the fault of the worker.

    Several failures of one shot count once, unless they are the worker's beyond doubt.
    """
    worker = session.get(Worker, name, with_for_update=True)
    if worker is None:
        return
    worker.failures_in_a_row = _count_failures(session, worker, error)
    worker.last_failure = one_line(error.message)
    worker.last_failure_code = error.code
    worker.last_failure_at = datetime.now(UTC)
    if worker.failures_in_a_row >= UNWELL_AFTER_FAILURES:
        worker.state = WorkerState.UNWELL


def _count_failures(session: Session, worker: Worker, error: TowerError) -> int:
    before = worker.failures_in_a_row
    if error.code in SICK_CODES:
        return max(before + 1, UNWELL_AFTER_FAILURES)
    if error.code in SERVER_FAULT_CODES:
        return before + 1
    if error.code in ABSENT_CODES:
        return before
    return max(before, count_shots_failing_alike(session, worker.name, error.code, one_line(error.message)))


def count_pool_slots(session: Session) -> int | None:
    """The simultaneous renders of all ready workers that reported recently; None if there are none."""
    is_ready = (Worker.state == WorkerState.READY, Worker.seen_at > func.now() - SEEN_RECENTLY)
    slots = session.scalar(select(func.sum(Worker.slots)).where(*is_ready))
    return None if slots is None else int(slots)


def list_workers(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).order_by(Worker.name)).all()
