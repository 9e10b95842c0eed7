"""The workers: their own reports, their state in Prefect, and the segments that each renders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import Worker
from tower.clients.prefect import PrefectClient, WorkerInfo
from tower.rendering.workers import list_workers

POOLS = ("gpu", "cpu")


@dataclass(frozen=True)
class KnownWorker:
    """A worker. `report` is None if it has not reported itself, `prefect_worker` if Prefect does not know it."""

    name: str
    pool: str
    report: Worker | None
    prefect_worker: WorkerInfo | None
    segments: Sequence[RenderSegment] = ()


def list_seen_workers(prefect: PrefectClient) -> dict[str, list[WorkerInfo]]:
    """The workers that Prefect knows, by pool. Raises UnavailableError."""
    return {pool: prefect.list_workers(pool) for pool in POOLS}


def list_known_workers(session: Session, seen: Mapping[str, Sequence[WorkerInfo]]) -> list[KnownWorker]:
    """List the workers: the gpu pool first, within a pool by name."""
    reports = {worker.name: worker for worker in list_workers(session)}
    rendering = _read_rendering(session)
    by_name: dict[str, tuple[str, WorkerInfo | None]] = dict.fromkeys(reports, ("gpu", None))
    by_name |= {worker.name: (pool, worker) for pool, workers in seen.items() for worker in workers}
    workers = [
        KnownWorker(name, pool, reports.get(name), worker, rendering.get(name, ()))
        for name, (pool, worker) in by_name.items()
    ]
    return sorted(workers, key=lambda worker: (POOLS.index(worker.pool), worker.name))


def _read_rendering(session: Session) -> dict[str, list[RenderSegment]]:
    segments: dict[str, list[RenderSegment]] = defaultdict(list)
    processing = select(RenderSegment).where(RenderSegment.state == SegmentState.PROCESSING).order_by(RenderSegment.id)
    for row in session.scalars(processing):
        if row.worker is not None:
            segments[row.worker].append(row)
    return segments
