"""Workers of the gpu pool: what each is, how it fares, and when it had better rest.

A worker that fails three segments in a row for reasons of its own (its ComfyUI is away, is out of memory, lacks a
model, …) is `unwell` and takes no more until it has been asked and answers well; then one more failure makes it unwell
again (the half-open state of a circuit breaker: M. Nygard, Release It!, 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import Worker, WorkerState
from tower.clients.comfyui.errors import OF_THE_WORKER
from tower.errors import TowerError
from tower.media.files import DiskFullError

SEEN_LATELY = timedelta(minutes=5)  # workers report every 15 s; one that was killed is no longer counted on
UNWELL_AFTER = 3  # failures in a row
WORKER_FAULTS = OF_THE_WORKER | {DiskFullError.code}


@dataclass(frozen=True)
class Report:
    """What a worker says of itself. `gpu` and the sizes are None where its engine has none or could not be asked."""

    name: str
    host: str
    slots: int
    engine: str
    comfyui_url: str | None = None
    gpu: str | None = None
    vram_total_bytes: int | None = None
    vram_free_bytes: int | None = None


def is_workers_fault(error: TowerError) -> bool:
    """Whether another worker might do it."""
    return error.code in WORKER_FAULTS


def report(session: Session, said: Report, *, state: WorkerState | None = None) -> Worker:
    """Note that the worker is there. Without `state` it keeps the one it has; a new one is ready."""
    known = asdict(said) | {"seen_at": func.now()}
    changed = known if state is None else known | {"state": state}
    session.execute(
        insert(Worker)
        .values({"state": WorkerState.READY, **changed})
        .on_conflict_do_update(index_elements=["name"], set_=changed)
    )
    return session.get_one(Worker, said.name, populate_existing=True)


def succeeded(session: Session, name: str) -> None:
    """A segment was rendered and stored."""
    session.execute(update(Worker).where(Worker.name == name).values(failures_in_a_row=0, state=WorkerState.READY))


def failed(session: Session, name: str, error: TowerError) -> None:
    """A segment failed for the worker's own reasons."""
    worker = session.get(Worker, name, with_for_update=True)
    if worker is None:
        return
    worker.failures_in_a_row += 1
    worker.last_failure = error.message
    worker.last_failure_code = error.code
    worker.last_failure_at = datetime.now(UTC)
    if worker.failures_in_a_row >= UNWELL_AFTER:
        worker.state = WorkerState.UNWELL


def recovered(session: Session, name: str) -> None:
    """It was asked and answers well: it may try again, and one more failure is enough."""
    session.execute(
        update(Worker)
        .where(Worker.name == name, Worker.state == WorkerState.UNWELL)
        .values(state=WorkerState.READY, failures_in_a_row=UNWELL_AFTER - 1)
    )


def busy(session: Session, name: str) -> bool:
    """Whether it renders a segment now."""
    mine = (RenderSegment.worker == name, RenderSegment.state == SegmentState.PROCESSING)
    return session.scalar(select(RenderSegment.id).where(*mine).limit(1)) is not None


def pool_slots(session: Session) -> int | None:
    """Renders at once over all workers that are well and were seen lately; None while no worker has reported."""
    lately = (Worker.state == WorkerState.READY, Worker.seen_at > func.now() - SEEN_LATELY)
    slots = session.scalar(select(func.sum(Worker.slots)).where(*lately))
    return None if slots is None else int(slots)


def all_workers(session: Session) -> Sequence[Worker]:
    return session.scalars(select(Worker).order_by(Worker.name)).all()
