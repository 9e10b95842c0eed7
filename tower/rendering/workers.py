"""The health of the gpu workers, and the capacity of their pool.

The worker's supervisor writes the rest of its row (deployments/worker_row.py).

A worker that fails three segments in a row for reasons of its own (its ComfyUI is away, is out of memory, lacks a
model, …) is `unwell` and takes no more segments until a check of it succeeds; then one more failure makes it unwell
again (the half-open state of a circuit breaker: M. Nygard, Release It!, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.clients.comfyui.errors import COMFYUI_WORKER_FAULTS
from tower.engines.installed import EngineUnavailableError
from tower.errors import TowerError
from tower.errors.foreign import one_line
from tower.media.files import DiskFullError
from tower.rendering.failure_limits import UNWELL_AFTER_FAILURES

SEEN_RECENTLY = timedelta(minutes=5)  # workers report every 15 s; a killed worker stops counting after this time
WORKER_FAULT_CODES = COMFYUI_WORKER_FAULTS | {DiskFullError.code, EngineUnavailableError.code}


def is_worker_fault(error: TowerError) -> bool:
    """Whether the error is the worker's fault, so that another worker might succeed."""
    return error.code in WORKER_FAULT_CODES


def record_success(session: Session, name: str) -> None:
    """Record that the worker rendered and stored a segment."""
    session.execute(update(Worker).where(Worker.name == name).values(failures_in_a_row=0, state=WorkerState.READY))


def record_failure(session: Session, name: str, error: TowerError) -> None:
    """Record that a segment failed by the fault of the worker."""
    worker = session.get(Worker, name, with_for_update=True)
    if worker is None:
        return
    worker.failures_in_a_row += 1
    worker.last_failure = one_line(error.message)
    worker.last_failure_code = error.code
    worker.last_failure_at = datetime.now(UTC)
    if worker.failures_in_a_row >= UNWELL_AFTER_FAILURES:
        worker.state = WorkerState.UNWELL


def count_pool_slots(session: Session) -> int | None:
    """The simultaneous renders of all ready workers that reported recently; None if there are none."""
    is_ready = (Worker.state == WorkerState.READY, Worker.seen_at > func.now() - SEEN_RECENTLY)
    slots = session.scalar(select(func.sum(Worker.slots)).where(*is_ready))
    return None if slots is None else int(slots)


def list_workers(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).order_by(Worker.name)).all()
