"""How long the renders of a planned entry take, measured by earlier ones. Nothing is opened, so no id is used up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.schedule import ProductionSchedule
from db.models.versions import Branch
from tower.batches.entries import find_entry_scene, prepare_entry_scene, read_stale_parameters
from tower.errors import TowerError
from tower.jobs.analytics import DurationEstimator
from tower.jobs.lifecycle import parse_spec
from tower.rendering.workers import count_pool_slots
from tower.settings import Settings
from tower.shots.scene_jobs import read_head
from tower.staleness.planned_renders import prepare_episode_renders, prepare_stale_renders
from tower.story.episodes import find_episode


def estimate_renders(session: Session, row: ProductionSchedule, settings: Settings) -> timedelta | None:
    """The time of the renders that the entry would open now, on all slots; None where nothing like it was measured."""
    try:
        renders = _prepare_renders(session, row, settings)
    except TowerError:  # its obstacle, or its start, says so
        return None
    estimator = DurationEstimator(session)
    seconds = [estimator.estimate_s(parse_spec(job), job_type=job.job_type) for job in renders]
    known = [one for one in seconds if one is not None]
    if not known or len(known) < len(seconds):
        return None
    return timedelta(seconds=sum(known) / (count_pool_slots(session) or 1))


def _prepare_renders(session: Session, row: ProductionSchedule, settings: Settings) -> Sequence[ProductionJob]:
    if row.scene_key is not None:
        scene = find_entry_scene(session, row)
        return [prepare_entry_scene(session, row, scene, read_head(session, row.branch_id, settings))]
    branch = session.get_one(Branch, row.branch_id)
    wish = read_stale_parameters(row)
    if row.episode_key is None:
        return prepare_stale_renders(session, branch, settings, **wish)
    episode = find_episode(session, row.episode_key, branch=branch.name, project_id=row.project_id)
    return prepare_episode_renders(session, episode.row, settings, **wish)
