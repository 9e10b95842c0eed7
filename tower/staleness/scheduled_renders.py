"""Starts the renders of the production schedule that are due."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule, ScheduleState
from db.models.versions import Branch
from tower.errors import NotFoundError, TowerError
from tower.jobs.schedule_outcomes import end_entry
from tower.presets.styles import find_style
from tower.rendering.studio import Studio
from tower.settings import AUTO_ENGINE
from tower.shots.preflight import check_job_can_render
from tower.shots.scene_jobs import open_scene_job
from tower.staleness.rendering import open_stale_renders
from tower.workflows import store

log = logging.getLogger(__name__)
_DUE = (ProductionSchedule.state == ScheduleState.PLANNED, ProductionSchedule.start_at <= func.now())
SPEC_FIELDS = {"duration": "duration_s"}  # names of a GenerationSpec that differ from those of the parameters


def start_due_entries(sessions: SessionFactory, studio: Studio) -> list[int]:
    """Start the planned entries that are due, the smallest priority first, and return their ids.

    An entry that cannot start fails with the reason. An unexpected error is logged and leaves its entry planned.
    """
    urgency = (ProductionSchedule.priority, ProductionSchedule.start_at, ProductionSchedule.id)
    with sessions() as session:
        ids = session.scalars(select(ProductionSchedule.id).where(*_DUE).order_by(*urgency)).all()
    return [schedule_id for schedule_id in ids if _try_start(sessions, schedule_id, studio)]


def seconds_until_due(session: Session, schedule_id: int) -> float | None:
    """The seconds until the entry is due by the database's clock, not below 0. None for one that is not planned."""
    left = func.extract("epoch", ProductionSchedule.start_at - func.now())
    planned = (ProductionSchedule.id == schedule_id, ProductionSchedule.state == ScheduleState.PLANNED)
    found = session.scalar(select(func.greatest(left, 0.0)).where(*planned))
    return None if found is None else float(found)


def check_parameters(session: Session, row: ProductionSchedule) -> None:
    """Raise InvalidError for a style, and NotFoundError for a workflow, that does not exist."""
    if style := row.parameters.get("style"):
        find_style(session, style, project_id=row.project_id)
    if workflow := row.parameters.get("workflow"):
        store.get_workflow(session, workflow)


@dataclass(frozen=True)
class _Opened:
    """The jobs of an entry, and for each scene without a job a sentence with the reason."""

    jobs: Sequence[ProductionJob]
    refusals: Sequence[str] = ()


def _try_start(sessions: SessionFactory, schedule_id: int, studio: Studio) -> bool:
    try:
        with sessions.begin() as session:
            return _start(session, schedule_id, studio)
    except OperationalError:
        raise
    except Exception:
        log.exception("Schedule entry %s stays planned", schedule_id)
        return False


def _start(session: Session, schedule_id: int, studio: Studio) -> bool:
    """Start the entry. Returns False if it is no longer planned or another process starts it."""
    due = select(ProductionSchedule).where(ProductionSchedule.id == schedule_id, *_DUE)
    row = session.scalar(due.with_for_update(skip_locked=True))
    if row is None:
        return False
    try:
        with session.begin_nested():
            opened = _open_jobs(session, row, studio)
    except TowerError as error:
        opened = _Opened([], [error.message])
    row.state = ScheduleState.STARTED
    row.job_ids = [job.id for job in opened.jobs]
    row.job_id = opened.jobs[0].id if len(opened.jobs) == 1 else None
    row.error_message = "; ".join(opened.refusals) or None
    if not opened.jobs:
        end_entry(row, [])
    return True


def _open_jobs(session: Session, row: ProductionSchedule, studio: Studio) -> _Opened:
    if session.get_one(Project, row.project_id).deleted_at is not None:
        raise NotFoundError("Its project is in the bin")
    if row.scene_key is None and row.episode_key is None:
        return _open_stale(session, row, studio)
    target = Scene.key == row.scene_key if row.scene_key is not None else Scene.episode_key == row.episode_key
    scenes = session.scalars(select(Scene).where(Scene.branch_id == row.branch_id, target).order_by(Scene.scene_number))
    return _open_scenes(session, row, scenes.all(), studio)


def _open_stale(session: Session, row: ProductionSchedule, studio: Studio) -> _Opened:
    parameters = row.parameters
    result = open_stale_renders(
        session,
        session.get_one(Branch, row.branch_id),
        studio=studio,
        quality=parameters.get("quality"),
        engine=parameters.get("engine"),
    )
    return _Opened(list(result.opened.values()), [error.message for error in result.refused.values()])


def _open_scenes(session: Session, row: ProductionSchedule, scenes: Sequence[Scene], studio: Studio) -> _Opened:
    if not scenes:
        raise NotFoundError("Its branch no longer has such a scene" if row.scene_key else "Its episode has no scene")
    jobs, refusals = [], []
    for scene in scenes:
        try:
            with session.begin_nested():
                jobs.append(_open_scene(session, row, scene, studio))
        except TowerError as error:
            refusals.append(f"Scene {scene.scene_number}: {error.message}")
    return _Opened(jobs, refusals)


def _open_scene(session: Session, row: ProductionSchedule, scene: Scene, studio: Studio) -> ProductionJob:
    parameters: dict[str, Any] = {name: value for name, value in row.parameters.items() if value is not None}
    quality, engine = parameters.pop("quality", None), parameters.pop("engine", AUTO_ENGINE)
    overrides = {SPEC_FIELDS.get(name, name): value for name, value in parameters.items()}
    job = open_scene_job(
        session,
        scene,
        settings=studio.settings,
        quality=quality,
        engine=engine,
        overrides=overrides,
        job_type=row.job_type,
    )
    check_job_can_render(session, job, studio)
    return job
