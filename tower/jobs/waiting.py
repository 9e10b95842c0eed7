"""Jobs that wait for other jobs: a film waits for the renders of its scenes and takes no worker meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, BigInteger, Select, any_, exists, literal, select
from sqlalchemy.orm import Session, aliased

from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from tower.jobs.steps import StepResult

OPENED_JOBS: StepResult[list[int]] = StepResult("opened_jobs", TypeAdapter(list[int]))  # they end with their opener


@dataclass(frozen=True)
class Awaited:
    """The jobs that a job waits for. `live`: the ids of those that have not ended."""

    live: tuple[int, ...]
    total: int

    def __str__(self) -> str:
        return f"waiting for {len(self.live)} of {self.total} renders"


class WaitingJob(Protocol):
    """A job that may wait for others."""

    @property
    def id(self) -> int: ...

    @property
    def waits_for(self) -> Sequence[int]: ...


def find_awaited(session: Session, jobs: Iterable[WaitingJob]) -> dict[int, Awaited]:
    """What each of these jobs waits for, by its id, without the jobs that never wait."""
    waiting = [job for job in jobs if job.waits_for]
    named = sorted({awaited for job in waiting for awaited in job.waits_for})
    live = set(session.scalars(_with_ids(named).where(ProductionJob.status.in_(LIVE_STATUSES)))) if named else set()
    return {job.id: Awaited(tuple(one for one in job.waits_for if one in live), len(job.waits_for)) for job in waiting}


def list_own_live(session: Session, job: ProductionJob) -> Sequence[int]:
    """The live jobs that this one opened and that no other live job waits for."""
    opened = OPENED_JOBS.read(job) or []
    if not opened:
        return []
    other = aliased(ProductionJob)
    is_shared = exists().where(
        ProductionJob.id == any_(other.waits_for), other.id != job.id, other.status.in_(LIVE_STATUSES)
    )
    own = _with_ids(opened).where(ProductionJob.status.in_(LIVE_STATUSES), ~is_shared)
    return session.scalars(own.order_by(ProductionJob.id)).all()


def list_failed(session: Session, job: ProductionJob) -> Sequence[int]:
    """The jobs that this one waited for and that ended without a result."""
    ended = (JobStatus.FAILED, JobStatus.MERGE_FAILED, JobStatus.CANCELLED)
    failed = _with_ids(job.waits_for).where(ProductionJob.status.in_(ended))
    return session.scalars(failed.order_by(ProductionJob.id)).all()


def _with_ids(ids: Sequence[int]) -> Select[int]:
    return select(ProductionJob.id).where(ProductionJob.id == any_(literal(list(ids), ARRAY(BigInteger))))
