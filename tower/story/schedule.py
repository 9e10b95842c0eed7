"""What is rendered when: planned, moved, taken back. The scheduled batch starts what is due."""

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
    """What to render: a scene, an episode, or, with neither, all stale scenes of the branch."""

    project_id: int
    branch: str
    scene_id: int | None = None
    episode_key: uuid.UUID | None = None


def add(session: Session, plan: Plan, columns: Mapping[str, Any]) -> ProductionSchedule:
    """Raises NotFoundError for a project, branch, scene or episode that is not there; InvalidError for the times."""
    branch = branches.find(session, plan.project_id, plan.branch)
    scene_key = None
    if plan.scene_id is not None:
        mine = select(Scene.key).where(Scene.id == plan.scene_id, Scene.branch_id == branch.id)
        scene_key = _there(session.scalar(mine), f"scene {plan.scene_id}", plan)
    if plan.episode_key is not None:
        episode = select(Episode.key).where(Episode.key == plan.episode_key, Episode.branch_id == branch.id)
        _there(session.scalar(episode), f"episode {plan.episode_key}", plan)
    row = ProductionSchedule(
        project_id=plan.project_id, branch_id=branch.id, scene_key=scene_key, episode_key=plan.episode_key, **columns
    )
    _check_times(row)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def find(session: Session, schedule_id: int, *, to_change: bool = False) -> ProductionSchedule:
    """Raises NotFoundError, for a plan of a project in the bin too."""
    rows = select(ProductionSchedule).join(Project, Project.id == ProductionSchedule.project_id)
    rows = rows.where(ProductionSchedule.id == schedule_id, Project.deleted_at.is_(None))
    if to_change:
        rows = rows.with_for_update(of=ProductionSchedule)
    row = session.scalar(rows.execution_options(populate_existing=True))
    if row is None:
        raise NotFoundError(f"There is no plan {schedule_id}")
    return row


def page(session: Session, project_id: int, *, state: ScheduleState | None, wanted: Wanted) -> Page[ProductionSchedule]:
    """By id. Raises NotFoundError for an unknown project."""
    project_exists(session, project_id)
    rows = select(ProductionSchedule).where(ProductionSchedule.project_id == project_id)
    if state is not None:
        rows = rows.where(ProductionSchedule.state == state)
    return page_of(session, rows, ProductionSchedule.id, wanted=wanted)


def change(session: Session, row: ProductionSchedule, columns: Mapping[str, Any]) -> ProductionSchedule:
    """Raises ConflictError once it was started or taken back, InvalidError for the times."""
    _refuse_begun(row)
    for name, value in columns.items():
        setattr(row, name, value)
    _check_times(row)
    session.flush()
    session.refresh(row)
    return row


def cancel(session: Session, row: ProductionSchedule) -> ProductionSchedule:
    """One that was taken back stays so. Raises ConflictError once it was started."""
    if row.state != ScheduleState.CANCELLED:
        _refuse_begun(row)
        row.state, row.ended_at = ScheduleState.CANCELLED, datetime.now(UTC)
        session.flush()
        session.refresh(row)
    return row


def _refuse_begun(row: ProductionSchedule) -> None:
    if row.state != ScheduleState.PLANNED:
        raise ConflictError(f"Plan {row.id} is {row.state} and cannot be changed any more")


def _check_times(row: ProductionSchedule) -> None:
    if row.due_at is not None and row.due_at < row.start_at:
        raise InvalidError.field("due_at", row.due_at.isoformat(), "a time that is not before start_at")


def _there(key: uuid.UUID | None, what: str, plan: Plan) -> uuid.UUID:
    if key is None:
        raise NotFoundError(f"Project {plan.project_id} has no {what} on {plan.branch!r}")
    return key
