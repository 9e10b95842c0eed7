"""Purge deleted projects for good: their rows, and the files that nothing else refers to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models import METADATA
from db.models.echo import EchoOrchestrationLog
from db.models.jobs import LIVE_STATUSES, GenerationRequest, ProductionJob
from db.models.projects import Project
from db.models.publications import IN_PLACE, Publication
from db.models.rendering import Asset
from tower.settings import Settings
from tower.storage.garbage import collect_garbage, find_garbage
from tower.story.projects import RESTORABLE_FOR


@dataclass(frozen=True)
class PublishedFilm:
    """A film in a library. `episode_id` still names it after its project is gone."""

    episode_id: str
    path: str


@dataclass(frozen=True)
class PurgedProject:
    """A purged project. `jobs` and `assets` are the counts of deleted rows.

    published_films: those of its films that are in a library, and stay there.
    """

    id: int
    name: str
    deleted_at: datetime
    jobs: int
    assets: int
    published_films: tuple[PublishedFilm, ...]


@dataclass(frozen=True)
class PurgeReport:
    """The result of a purge.

    kept: a sentence for each project that was due but stays.
    files, bytes: all removed files, including those that other deletes left. Files used within the last hour stay until
        the next purge.
    """

    projects: tuple[PurgedProject, ...]
    kept: tuple[str, ...]
    files: int
    bytes: int


def purge_projects(
    sessions: SessionFactory, settings: Settings, *, older_than: timedelta = RESTORABLE_FOR, dry_run: bool = False
) -> PurgeReport:
    """Purge every project that was deleted longer ago than `older_than`, each in a transaction of its own.

    Files are removed after the rows, and only those that Tower wrote and no row refers to. An interrupted purge is
    completed by the next one. A dry run returns the same report and changes nothing.
    """
    if dry_run:
        with sessions() as session:
            purged, kept = _purge_all(session, older_than)
            files = find_garbage(session, settings)
            session.rollback()
        return PurgeReport(purged, kept, len(files), sum(_size(path) for path in files))
    all_purged: list[PurgedProject] = []
    all_kept: list[str] = []
    with sessions() as session:
        due = session.scalars(_due(older_than).with_only_columns(Project.id)).all()
    for project_id in due:
        with sessions.begin() as session:
            purged, kept = _purge_all(session, older_than, only=project_id)
        all_purged += purged
        all_kept += kept
    swept = collect_garbage(sessions, settings)
    return PurgeReport(tuple(all_purged), tuple(all_kept), swept.files, swept.bytes)


def _purge_all(
    session: Session, older_than: timedelta, *, only: int | None = None
) -> tuple[tuple[PurgedProject, ...], tuple[str, ...]]:
    due = _due(older_than).with_for_update(skip_locked=True)  # skips a project that is being restored
    projects = session.scalars(due if only is None else due.where(Project.id == only)).all()
    purged, kept = [], []
    for project in projects:
        live = _live_jobs(session, project.id)
        if live:
            kept.append(f"Project {project.id} has {live} running generations: cancel them or wait until they end")
        else:
            purged.append(_purge(session, project))
    return tuple(purged), tuple(kept)


def _due(older_than: timedelta) -> Select[Project]:
    return select(Project).where(Project.deleted_at <= datetime.now(UTC) - older_than).order_by(Project.id)


def _live_jobs(session: Session, project_id: int) -> int:
    query = select(func.count()).select_from(ProductionJob).where(ProductionJob.project_id == project_id)
    return session.scalars(query.where(ProductionJob.status.in_(LIVE_STATUSES))).one()


def _purge(session: Session, project: Project) -> PurgedProject:
    """Delete a project. Rows whose foreign key would only be set to null are deleted here, the others by cascade.

    An asset that a row of another project refers to stays, without a project.
    """
    assert project.deleted_at is not None
    published = _list_published(session, project.id)
    jobs = session.scalars(select(ProductionJob.id).where(ProductionJob.project_id == project.id)).all()
    query = select(Asset.id).where((Asset.project_id == project.id) | Asset.job_id.in_(jobs))
    assets = session.scalars(query).all()
    session.execute(delete(EchoOrchestrationLog).where(EchoOrchestrationLog.project_id == project.id))
    session.execute(delete(Project).where(Project.id == project.id))
    session.execute(delete(GenerationRequest).where(GenerationRequest.job_id.in_(jobs)))
    session.execute(delete(ProductionJob).where(ProductionJob.id.in_(jobs)))
    removed = _delete_unreferenced(session, assets)
    return PurgedProject(project.id, project.name, project.deleted_at, len(jobs), removed, published)


def _list_published(session: Session, project_id: int) -> tuple[PublishedFilm, ...]:
    """The films of the project that are in a library. Their rows stay too, without a project."""
    query = select(Publication).where(Publication.project_id == project_id, Publication.state.in_(IN_PLACE))
    rows = session.scalars(query.order_by(Publication.path))
    return tuple(PublishedFilm(str(row.episode_key), row.path) for row in rows)


def _delete_unreferenced(session: Session, assets: Sequence[int]) -> int:
    """Delete the assets to which no row refers, and return their count."""
    statement = delete(Asset).where(Asset.id.in_(assets))
    for table in METADATA.tables.values():
        for key in table.foreign_keys:
            if key.column.table is Asset.__table__ and key.column.name == "id":
                statement = statement.where(~exists().where(key.parent == Asset.id))
    deleted = session.execute(statement.returning(Asset.id), execution_options={"synchronize_session": False})
    return len(deleted.all())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
