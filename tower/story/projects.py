"""Projects: made, changed, put in the bin and taken out of it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from db.models.projects import Project, ProjectSettings, ProjectStatus
from tower.errors import NotFoundError
from tower.pages import Page, Wanted, page_of
from tower.presets.styles import find_style
from tower.versions import editing

KEPT_IN_BIN = timedelta(days=30)
LOCK = {"key_share": True}  # others may still add what belongs to the project


@dataclass(frozen=True)
class ProjectFilter:
    """What is None does not narrow. `name` is a part of the name, in any case."""

    status: ProjectStatus | None = None
    name: str | None = None
    deleted: bool = False


def create(session: Session, fields: Mapping[str, Any], settings: Mapping[str, Any]) -> Project:
    """A draft with its branch `main`. Raises InvalidError for an unknown style."""
    _check_style(session, settings, project_id=None)
    project = Project(**fields, settings=ProjectSettings(**settings))
    session.add(project)
    session.flush()
    editing.begin_main(session, project.id)
    return find(session, project.id)


def find(session: Session, project_id: int, *, to_change: bool = False) -> Project:
    """Raises NotFoundError for an unknown project and for one in the bin."""
    how = {"with_for_update": LOCK} if to_change else {"options": [joinedload(Project.settings)]}
    project = session.get(Project, project_id, populate_existing=True, **how)
    if project is None or project.deleted_at is not None:
        raise NotFoundError(f"There is no project {project_id}")
    return project


def page(session: Session, wanted: Wanted, *, only: ProjectFilter) -> Page[Project]:
    """By id. Those in the bin are listed only if asked for."""
    rows = select(Project).options(joinedload(Project.settings))
    rows = rows.where(Project.deleted_at.is_not(None) if only.deleted else Project.deleted_at.is_(None))
    if only.status is not None:
        rows = rows.where(Project.status == only.status)
    if only.name is not None:
        rows = rows.where(Project.name.icontains(only.name, autoescape=True))
    return page_of(session, rows, Project.id, wanted=wanted)


def change(session: Session, project: Project, fields: Mapping[str, Any], settings: Mapping[str, Any]) -> Project:
    """Set some fields, and some of its settings. Raises InvalidError for an unknown style."""
    _check_style(session, settings, project_id=project.id)
    for name, value in fields.items():
        setattr(project, name, value)
    if settings:
        project.settings = project.settings or ProjectSettings()
        for name, value in settings.items():
            setattr(project.settings, name, value)
        project.updated_at = datetime.now(UTC)
    session.flush()
    return find(session, project.id)


def put_in_bin(session: Session, project_id: int) -> Project:
    """Hide the project; it can be taken out again until it is purged. Raises NotFoundError."""
    project = find(session, project_id, to_change=True)
    project.deleted_at = datetime.now(UTC)
    session.flush()
    return project


def restore(session: Session, project_id: int) -> Project:
    """Take the project out of the bin; one that is not in it stays as it is. Raises NotFoundError after 30 days."""
    project = session.get(Project, project_id, with_for_update=LOCK, populate_existing=True)
    if project is None or (project.deleted_at and project.deleted_at + KEPT_IN_BIN < datetime.now(UTC)):
        raise NotFoundError(f"There is no project {project_id} that could be restored")
    project.deleted_at = None
    session.flush()
    session.refresh(project)
    return project


def _check_style(session: Session, settings: Mapping[str, Any], *, project_id: int | None) -> None:
    if "default_style" in settings:
        find_style(session, settings["default_style"], project_id=project_id)
