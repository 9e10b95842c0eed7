"""The workers, as they report themselves, as Prefect sees them, and what each renders now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import Worker
from tower.clients.prefect import PrefectClient, WorkerSeen
from tower.rendering.workers import all_workers

POOLS = ("gpu", "cpu")


@dataclass(frozen=True)
class KnownWorker:
    """`report` is None for one that Prefect knows and that has not reported itself; `seen` the other way round."""

    name: str
    pool: str
    report: Worker | None
    seen: WorkerSeen | None
    rendering: Sequence[RenderSegment] = ()


def seen_by(prefect: PrefectClient) -> dict[str, list[WorkerSeen]]:
    """By pool. Raises UnavailableError."""
    return {pool: prefect.workers(pool) for pool in POOLS}


def known_workers(session: Session, seen: Mapping[str, Sequence[WorkerSeen]]) -> list[KnownWorker]:
    """The gpu pool first; within a pool by name."""
    reports = {worker.name: worker for worker in all_workers(session)}
    rendering = _rendering(session)
    placed: dict[str, tuple[str, WorkerSeen | None]] = dict.fromkeys(reports, ("gpu", None))
    placed |= {worker.name: (pool, worker) for pool, workers in seen.items() for worker in workers}
    known = [
        KnownWorker(name, pool, reports.get(name), worker, rendering.get(name, ()))
        for name, (pool, worker) in placed.items()
    ]
    return sorted(known, key=lambda worker: (POOLS.index(worker.pool), worker.name))


def _rendering(session: Session) -> dict[str, list[RenderSegment]]:
    found: dict[str, list[RenderSegment]] = defaultdict(list)
    now = select(RenderSegment).where(RenderSegment.state == SegmentState.PROCESSING).order_by(RenderSegment.id)
    for row in session.scalars(now):
        if row.worker is not None:
            found[row.worker].append(row)
    return found
