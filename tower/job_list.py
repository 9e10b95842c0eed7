"""The list of jobs, newest first, in pages that new jobs do not shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, JobType, ProductionJob


@dataclass(frozen=True)
class JobFilter:
    """What is None does not narrow. `since` is included, `until` is not."""

    status: JobStatus | None = None
    job_type: JobType | None = None
    project_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class JobPage:
    """`next_before_id` asks for the page after this one; None: this is the last."""

    jobs: Sequence[ProductionJob]
    next_before_id: int | None


def page_of_jobs(session: Session, wanted: JobFilter, *, limit: int, before_id: int | None = None) -> JobPage:
    """In the order of the ids; in that of time where a time narrows, so that an index finds the page either way."""
    conditions = _conditions(wanted)
    timed = wanted.since is not None or wanted.until is not None
    if before_id is not None:
        conditions.append(_made_before(before_id) if timed else ProductionJob.id < before_id)
    order = (ProductionJob.created_at.desc(), ProductionJob.id.desc()) if timed else (ProductionJob.id.desc(),)
    newest_first = select(ProductionJob).where(*conditions).order_by(*order)
    found = session.scalars(newest_first.limit(limit + 1)).all()
    shown = found[:limit]
    return JobPage(shown, next_before_id=shown[-1].id if len(found) > limit else None)


def _made_before(job_id: int) -> ColumnElement[bool]:
    made = select(ProductionJob.created_at).where(ProductionJob.id == job_id).scalar_subquery()
    return tuple_(ProductionJob.created_at, ProductionJob.id) < tuple_(made, job_id)


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        conditions.append(ProductionJob.status == wanted.status)
    if wanted.job_type is not None:
        conditions.append(ProductionJob.job_type == wanted.job_type)
    if wanted.project_id is not None:
        conditions.append(ProductionJob.project_id == wanted.project_id)
    if wanted.since is not None:
        conditions.append(ProductionJob.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(ProductionJob.created_at < wanted.until)
    return conditions
