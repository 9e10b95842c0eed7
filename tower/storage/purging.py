"""Purging: projects that were in the bin long enough go for good, with their rows and the files that only they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from db.engine import Sessions
from db.models import METADATA
from db.models.echo import EchoOrchestrationLog
from db.models.jobs import LIVE, GenerationRequest, ProductionJob
from db.models.projects import Project
from db.models.rendering import Asset
from tower.settings import Settings
from tower.storage.garbage import sweep, unneeded
from tower.story.projects import KEPT_IN_BIN


@dataclass(frozen=True)
class PurgedProject:
    """`jobs` and `assets`: how many of its rows went."""

    id: int
    name: str
    deleted_at: datetime
    jobs: int
    assets: int


@dataclass(frozen=True)
class Purged:
    """`kept`: projects that were due, and why they stay, in one sentence each. Files that nothing else needed are
    counted in `files`, those of other deletes among them; one touched within the hour is left to the next time."""

    projects: tuple[PurgedProject, ...]
    kept: tuple[str, ...]
    files: int
    bytes: int


def purge(
    sessions: Sessions, settings: Settings, *, older_than: timedelta = KEPT_IN_BIN, dry_run: bool = False
) -> Purged:
    """Remove every project that was deleted longer ago than `older_than`, each in a transaction of its own.

    Files go after the rows, and only those that Tower wrote and no other row names. What an interruption leaves,
    the next purge finds. A dry run says what would go and changes nothing.
    """
    if dry_run:
        with sessions() as session:
            gone, kept = _purge_all(session, older_than)
            files = unneeded(session, settings)
            session.rollback()
        return Purged(gone, kept, len(files), sum(_size(path) for path in files))
    all_gone: list[PurgedProject] = []
    all_kept: list[str] = []
    with sessions() as session:
        due = session.scalars(_due(older_than).with_only_columns(Project.id)).all()
    for project_id in due:
        with sessions.begin() as session:
            gone, kept = _purge_all(session, older_than, only=project_id)
        all_gone += gone
        all_kept += kept
    swept = sweep(sessions, settings)
    return Purged(tuple(all_gone), tuple(all_kept), swept.files, swept.bytes)


def _purge_all(
    session: Session, older_than: timedelta, *, only: int | None = None
) -> tuple[tuple[PurgedProject, ...], tuple[str, ...]]:
    due = _due(older_than).with_for_update(skip_locked=True)  # one that is being restored is not due any more
    projects = session.scalars(due if only is None else due.where(Project.id == only)).all()
    gone, kept = [], []
    for project in projects:
        live = _live_jobs(session, project.id)
        if live:
            kept.append(f"Project {project.id} has {live} generations under way: cancel them, or let them end")
        else:
            gone.append(_purge(session, project))
    return tuple(gone), tuple(kept)


def _due(older_than: timedelta) -> Select[Project]:
    return select(Project).where(Project.deleted_at <= datetime.now(UTC) - older_than).order_by(Project.id)


def _live_jobs(session: Session, project_id: int) -> int:
    mine = select(func.count()).select_from(ProductionJob).where(ProductionJob.project_id == project_id)
    return session.scalars(mine.where(ProductionJob.status.in_(LIVE))).one()


def _purge(session: Session, project: Project) -> PurgedProject:
    """The database takes along what hangs on the project; what would only lose its project goes here.

    An asset that something of another project names stays, without a project.
    """
    assert project.deleted_at is not None
    jobs = session.scalars(select(ProductionJob.id).where(ProductionJob.project_id == project.id)).all()
    mine = select(Asset.id).where((Asset.project_id == project.id) | Asset.job_id.in_(jobs))
    assets = session.scalars(mine).all()
    session.execute(delete(EchoOrchestrationLog).where(EchoOrchestrationLog.project_id == project.id))
    session.execute(delete(Project).where(Project.id == project.id))
    session.execute(delete(GenerationRequest).where(GenerationRequest.job_id.in_(jobs)))
    session.execute(delete(ProductionJob).where(ProductionJob.id.in_(jobs)))
    removed = _delete_unnamed(session, assets)
    return PurgedProject(project.id, project.name, project.deleted_at, len(jobs), removed)


def _delete_unnamed(session: Session, assets: Sequence[int]) -> int:
    """How many of these assets no row refers to any more; they are gone."""
    wanted = delete(Asset).where(Asset.id.in_(assets))
    for table in METADATA.tables.values():
        for key in table.foreign_keys:
            if key.column.table is Asset.__table__ and key.column.name == "id":
                wanted = wanted.where(~exists().where(key.parent == Asset.id))
    gone = session.execute(wanted.returning(Asset.id), execution_options={"synchronize_session": False})
    return len(gone.all())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
