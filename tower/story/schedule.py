"""Schedule renders: add, change and cancel entries. The scheduled batch starts those that are due."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.pages import Page, Wanted, page_of
from tower.versions import branches
from tower.versions.refs import project_exists


@dataclass(frozen=True)
class Plan:
    """What to render: a scene, an episode, or if neither is given, all stale scenes of the branch."""

    project_id: int
    branch: str
    scene_id: int | None = None
    episode_key: uuid.UUID | None = None


def add(session: Session, plan: Plan, columns: Mapping[str, Any]) -> ProductionSchedule:
    """Schedule a render.

    Raises NotFoundError for an unknown project, branch, scene or episode, InvalidError if `due_at` is before
    `start_at`.
    """
    branch = branches.find(session, plan.project_id, plan.branch)
    scene_key = None
    if plan.scene_id is not None:
        scene = select(Scene.key).where(Scene.id == plan.scene_id, Scene.branch_id == branch.id)
        scene_key = _require_key(session.scalar(scene), f"scene {plan.scene_id}", plan)
    if plan.episode_key is not None:
        episode = select(Episode.key).where(Episode.key == plan.episode_key, Episode.branch_id == branch.id)
        _require_key(session.scalar(episode), f"episode {plan.episode_key}", plan)
    row = ProductionSchedule(
        project_id=plan.project_id, branch_id=branch.id, scene_key=scene_key, episode_key=plan.episode_key, **columns
    )
    _check_times(row)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def find(session: Session, schedule_id: int, *, to_change: bool = False) -> ProductionSchedule:
    """Return a schedule entry. Raises NotFoundError for an unknown one and for one of a deleted project."""
    rows = select(ProductionSchedule).join(Project, Project.id == ProductionSchedule.project_id)
    rows = rows.where(ProductionSchedule.id == schedule_id, Project.deleted_at.is_(None))
    if to_change:
        rows = rows.with_for_update(of=ProductionSchedule)
    row = session.scalar(rows.execution_options(populate_existing=True))
    if row is None:
        raise NotFoundError(f"There is no schedule entry {schedule_id}")
    return row


def page(session: Session, project_id: int, *, state: ScheduleState | None, wanted: Wanted) -> Page[ProductionSchedule]:
    """List the schedule of a project by id. Raises NotFoundError for an unknown project."""
    project_exists(session, project_id)
    rows = select(ProductionSchedule).where(ProductionSchedule.project_id == project_id)
    if state is not None:
        rows = rows.where(ProductionSchedule.state == state)
    return page_of(session, rows, ProductionSchedule.id, wanted=wanted)


def change(session: Session, row: ProductionSchedule, columns: Mapping[str, Any]) -> ProductionSchedule:
    """Change a schedule entry.

    Raises ConflictError if it has started or was cancelled, InvalidError if `due_at` is before `start_at`.
    """
    _check_planned(row)
    for name, value in columns.items():
        setattr(row, name, value)
    _check_times(row)
    session.flush()
    session.refresh(row)
    return row


def cancel(session: Session, row: ProductionSchedule) -> ProductionSchedule:
    """Cancel a schedule entry; a cancelled one stays cancelled. Raises ConflictError if it has started."""
    if row.state != ScheduleState.CANCELLED:
        _check_planned(row)
        row.state, row.ended_at = ScheduleState.CANCELLED, datetime.now(UTC)
        session.flush()
        session.refresh(row)
    return row


def _check_planned(row: ProductionSchedule) -> None:
    if row.state != ScheduleState.PLANNED:
        raise ConflictError(f"Schedule entry {row.id} is {row.state} and cannot be changed: only planned entries can")


def _check_times(row: ProductionSchedule) -> None:
    if row.due_at is not None and row.due_at < row.start_at:
        raise InvalidError.field("due_at", row.due_at.isoformat(), "a time not before start_at")


def _require_key(key: uuid.UUID | None, what: str, plan: Plan) -> uuid.UUID:
    if key is None:
        raise NotFoundError(f"Project {plan.project_id} has no {what} on {plan.branch!r}")
    return key
