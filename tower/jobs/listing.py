"""The list of jobs, newest first. New jobs do not shift its pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, JobType, ProductionJob
from tower.pages import Page, PageRequest


@dataclass(frozen=True)
class JobFilter:
    """A field that is None does not filter. `since` is inclusive, `until` exclusive."""

    status: JobStatus | None = None
    job_type: JobType | None = None
    project_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_jobs(session: Session, job_filter: JobFilter, page: PageRequest) -> Page[ProductionJob]:
    """Sort by id, or by creation time if the filter has a time, so that an index finds the page in both cases."""
    conditions = _conditions(job_filter)
    by_time = job_filter.since is not None or job_filter.until is not None
    if page.cursor is not None:
        conditions.append(_created_before(page.cursor) if by_time else ProductionJob.id < page.cursor)
    order = (ProductionJob.created_at.desc(), ProductionJob.id.desc()) if by_time else (ProductionJob.id.desc(),)
    newest_first = select(ProductionJob).where(*conditions).order_by(*order)
    jobs = session.scalars(newest_first.limit(page.limit + 1)).all()
    rows = jobs[: page.limit]
    return Page(rows, rows[-1].id if len(jobs) > page.limit else None)


def _created_before(job_id: int) -> ColumnElement[bool]:
    created_at = select(ProductionJob.created_at).where(ProductionJob.id == job_id).scalar_subquery()
    return tuple_(ProductionJob.created_at, ProductionJob.id) < tuple_(created_at, job_id)


def _conditions(only: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if only.status is not None:
        conditions.append(ProductionJob.status == only.status)
    if only.job_type is not None:
        conditions.append(ProductionJob.job_type == only.job_type)
    if only.project_id is not None:
        conditions.append(ProductionJob.project_id == only.project_id)
    if only.since is not None:
        conditions.append(ProductionJob.created_at >= only.since)
    if only.until is not None:
        conditions.append(ProductionJob.created_at < only.until)
    return conditions
