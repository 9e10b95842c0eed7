"""Create, change, delete and restore projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from db.models.projects import Project, ProjectSettings, ProjectStatus
from tower.errors import NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.presets.styles import find_style
from tower.versions import editing
from tower.versions.names import contains_part

RESTORABLE_FOR = timedelta(days=30)  # how long a deleted project can be restored
ROW_LOCK = {"key_share": True}  # rows that refer to the project can still be added meanwhile


@dataclass(frozen=True)
class ProjectFilter:
    """Filters a list of projects; None means any. `name` matches a part of the name in any case."""

    status: ProjectStatus | None = None
    name: str | None = None
    deleted: bool = False


def create_project(session: Session, fields: Mapping[str, Any], settings: Mapping[str, Any]) -> Project:
    """Create a draft project with its branch `main`. Raises InvalidError for an unknown style."""
    _check_style(session, settings, project_id=None)
    project = Project(**fields, settings=ProjectSettings(**settings))
    session.add(project)
    session.flush()
    editing.create_main(session, project.id)
    return find_project(session, project.id)


def find_project(session: Session, project_id: int, *, lock: bool = False) -> Project:
    """Return a project, locked with `lock`. Raises NotFoundError for an unknown or deleted project."""
    options = {"with_for_update": ROW_LOCK} if lock else {"options": [joinedload(Project.settings)]}
    project = session.get(Project, project_id, populate_existing=True, **options)
    if project is None or project.deleted_at is not None:
        raise NotFoundError(f"There is no project {project_id}")
    return project


def list_projects(session: Session, page_request: PageRequest, *, where: ProjectFilter) -> Page[Project]:
    """List projects by id. Deleted ones are listed only with `where.deleted`, and then alone."""
    rows = select(Project).options(joinedload(Project.settings))
    rows = rows.where(Project.deleted_at.is_not(None) if where.deleted else Project.deleted_at.is_(None))
    if where.status is not None:
        rows = rows.where(Project.status == where.status)
    if where.name is not None:
        rows = rows.where(contains_part(Project.name, where.name))
    return fetch_page(session, rows, Project.id, page=page_request)


def change_project(
    session: Session, project: Project, fields: Mapping[str, Any], settings: Mapping[str, Any]
) -> Project:
    """Set the given fields and settings. Raises InvalidError for an unknown style."""
    _check_style(session, settings, project_id=project.id)
    for name, value in fields.items():
        setattr(project, name, value)
    if settings:
        project.settings = project.settings or ProjectSettings()
        for name, value in settings.items():
            setattr(project.settings, name, value)
        project.updated_at = datetime.now(UTC)
    session.flush()
    return find_project(session, project.id)


def delete_project(session: Session, project_id: int) -> Project:
    """Mark the project as deleted. It can be restored until it is purged. Raises NotFoundError."""
    project = find_project(session, project_id, lock=True)
    project.deleted_at = datetime.now(UTC)
    session.flush()
    return project


def restore_project(session: Session, project_id: int) -> Project:
    """Restore a deleted project; another one is left unchanged. Raises NotFoundError after RESTORABLE_FOR."""
    project = session.get(Project, project_id, with_for_update=ROW_LOCK, populate_existing=True)
    if project is None or (project.deleted_at and project.deleted_at + RESTORABLE_FOR < datetime.now(UTC)):
        raise NotFoundError(f"There is no project {project_id} that could be restored")
    project.deleted_at = None
    session.flush()
    session.refresh(project)
    return project


def _check_style(session: Session, settings: Mapping[str, Any], *, project_id: int | None) -> None:
    if settings.get("default_style") is not None:
        find_style(session, settings["default_style"], project_id=project_id)
