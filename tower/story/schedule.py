"""Schedule renders: add, change and cancel entries. tower/batches/ starts those that are due."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import JobType
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.versions import branches
from tower.versions.refs import check_project_exists

SCENE_JOB_TYPES = (JobType.INTEGRATED, JobType.STANDARD)  # the recipes that render a scene
STALE_PARAMETERS = frozenset({"quality", "engine"})  # of a render of stale scenes, as in POST /render-stale


@dataclass(frozen=True)
class ScheduleTarget:
    """What to make: a scene, the film of an episode, or if neither is given, all stale scenes of the branch."""

    project_id: int
    branch: str
    scene_id: int | None = None
    episode_key: uuid.UUID | None = None


def add_schedule(session: Session, target: ScheduleTarget, columns: Mapping[str, Any]) -> ProductionSchedule:
    """Schedule a render.

    Raises NotFoundError for an unknown project, branch, scene or episode, InvalidError if `due_at` is before
    `start_at`, or for a job type or parameters that the target cannot have.
    """
    branch = branches.find(session, target.project_id, target.branch)
    scene_key = None
    if target.scene_id is not None:
        scene = select(Scene.key).where(Scene.id == target.scene_id, Scene.branch_id == branch.id)
        scene_key = _require_key(session.scalar(scene), f"scene {target.scene_id}", target)
    if target.episode_key is not None:
        episode = select(Episode.key).where(Episode.key == target.episode_key, Episode.branch_id == branch.id)
        _require_key(session.scalar(episode), f"episode {target.episode_key}", target)
    row = ProductionSchedule(
        project_id=target.project_id,
        branch_id=branch.id,
        scene_key=scene_key,
        episode_key=target.episode_key,
        **columns,
    )
    _check_times(row)
    _check_generation(row)
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def find_schedule(session: Session, schedule_id: int, *, lock: bool = False) -> ProductionSchedule:
    """Return a schedule entry. Raises NotFoundError for an unknown one and for one of a deleted project."""
    rows = select(ProductionSchedule).join(Project, Project.id == ProductionSchedule.project_id)
    rows = rows.where(ProductionSchedule.id == schedule_id, Project.deleted_at.is_(None))
    if lock:
        rows = rows.with_for_update(of=ProductionSchedule)
    row = session.scalar(rows.execution_options(populate_existing=True))
    if row is None:
        raise NotFoundError(f"There is no schedule entry {schedule_id}")
    return row


def list_schedules(
    session: Session, project_id: int, *, state: ScheduleState | None, page_request: PageRequest
) -> Page[ProductionSchedule]:
    """List the schedule of a project by id. Raises NotFoundError for an unknown project."""
    check_project_exists(session, project_id)
    rows = select(ProductionSchedule).where(ProductionSchedule.project_id == project_id)
    if state is not None:
        rows = rows.where(ProductionSchedule.state == state)
    return fetch_page(session, rows, ProductionSchedule.id, page=page_request)


def change_schedule(session: Session, row: ProductionSchedule, columns: Mapping[str, Any]) -> ProductionSchedule:
    """Change a schedule entry.

    Raises ConflictError if it has started or was cancelled, InvalidError as `add_schedule` does.
    """
    _check_planned(row)
    for name, value in columns.items():
        setattr(row, name, value)
    row.batch_id = row.postponed_until = row.postponed_reason = None
    _check_times(row)
    _check_generation(row)
    session.flush()
    session.refresh(row)
    return row


def cancel_schedule(session: Session, row: ProductionSchedule) -> ProductionSchedule:
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


def _check_generation(row: ProductionSchedule) -> None:
    is_scene = row.scene_key is not None
    types = SCENE_JOB_TYPES if is_scene else SCENE_JOB_TYPES[:1]
    if row.job_type not in types:
        raise InvalidError.field("job_type", row.job_type, f"one of {', '.join(types)} for this target")
    if not is_scene and (other := (row.parameters or {}).keys() - STALE_PARAMETERS):
        raise InvalidError.field("parameters", sorted(other), "quality and engine only, unless it is a scene")
    if row.allow_publish and row.episode_key is None:
        raise InvalidError.field("allow_publish", True, "an episode: only a film is published")


def _require_key(key: uuid.UUID | None, what: str, plan: ScheduleTarget) -> uuid.UUID:
    if key is None:
        raise NotFoundError(f"Project {plan.project_id} has no {what} on {plan.branch!r}")
    return key
