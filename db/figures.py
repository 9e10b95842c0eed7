"""Health and statistics of the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, ProductionJob
from db.models.projects import Project


@dataclass(frozen=True)
class DatabaseFigures:
    version: str
    size_bytes: int
    jobs: dict[str, int]
    projects: int


def check_connection(session: Session, *, timeout_ms: int = 2000) -> None:
    """Run a minimal query. Raises OperationalError if it does not finish in time."""
    _set_timeout(session, timeout_ms)
    session.execute(select(1))


def load_figures(session: Session, *, timeout_ms: int = 2000) -> DatabaseFigures:
    """Return the server version, the size, the count of jobs by status (zeros included) and of projects not deleted."""
    _set_timeout(session, timeout_ms)
    counts = session.execute(select(ProductionJob.status, func.count()).group_by(ProductionJob.status))
    return DatabaseFigures(
        version=str(session.scalar(text("show server_version"))).split(" ")[0],
        size_bytes=session.scalars(select(func.pg_database_size(func.current_database()))).one(),
        jobs={status.value: 0 for status in JobStatus} | {status.value: count for status, count in counts},
        projects=session.scalars(select(func.count()).select_from(Project).where(Project.deleted_at.is_(None))).one(),
    )


def _set_timeout(session: Session, timeout_ms: int) -> None:
    session.execute(select(func.set_config("statement_timeout", str(timeout_ms), True)))
