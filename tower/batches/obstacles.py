"""Says before the night why planned entries cannot be made as things are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import cache

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule, ScheduleState
from tower.batches.entries import SCENE_GONE
from tower.batches.misfits import find_misfit
from tower.batches.starts import PlannedStarts
from tower.errors import TowerError
from tower.presets.styles import find_style
from tower.workflows import store

EPISODE_GONE = "Its branch no longer has such an episode"
Target = tuple[int, uuid.UUID]  # the id of a branch and the key of a scene or an episode on it


def find_plan_obstacles(session: Session, rows: Sequence[ProductionSchedule], starts: PlannedStarts) -> dict[int, str]:
    """Why planned entries cannot be made, by id: what they name is gone, or they fit in no opening of the window."""
    planned = [row for row in rows if row.state == ScheduleState.PLANNED]
    lost = _find_lost_targets(session, planned)

    @cache
    def find_lost_name(project_id: int, style: str | None, workflow: str | None) -> str | None:
        for kind, name in (("style", style), ("workflow", workflow)):
            try:
                check_names(session, project_id, **{"style": None, "workflow": None, kind: name})
            except TowerError:
                return f"There is no {kind} {name!r} any more"
        return None

    obstacles: dict[int, str] = {}
    for row in planned:
        misfit = find_misfit(row, starts)
        lost_name = find_lost_name(row.project_id, row.parameters.get("style"), row.parameters.get("workflow"))
        reason = lost.get(row.id) or lost_name or (misfit.reason if misfit else None)
        if reason is not None:
            obstacles[row.id] = reason
    return obstacles


def check_names(session: Session, project_id: int, *, style: str | None, workflow: str | None) -> None:
    """Raise InvalidError for a style, and NotFoundError for a workflow, that does not exist."""
    if style:
        find_style(session, style, project_id=project_id)
    if workflow:
        store.get_workflow(session, workflow)


def _find_lost_targets(session: Session, rows: Sequence[ProductionSchedule]) -> dict[int, str]:
    scenes = {(row.branch_id, row.scene_key) for row in rows if row.scene_key is not None}
    episodes = {(row.branch_id, row.episode_key) for row in rows if row.episode_key is not None}
    lost_scenes, lost_episodes = scenes - _known(session, Scene, scenes), episodes - _known(session, Episode, episodes)
    lost: dict[int, str] = {}
    for row in rows:
        if (row.branch_id, row.scene_key) in lost_scenes:
            lost[row.id] = SCENE_GONE
        elif (row.branch_id, row.episode_key) in lost_episodes:
            lost[row.id] = EPISODE_GONE
    return lost


def _known(session: Session, kind: type[Scene | Episode], targets: set[Target]) -> set[Target]:
    if not targets:
        return set()
    found = select(kind.branch_id, kind.key).where(tuple_(kind.branch_id, kind.key).in_(targets))
    return {(branch_id, key) for branch_id, key in session.execute(found)}
