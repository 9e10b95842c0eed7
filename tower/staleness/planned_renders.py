"""The renders that a branch or an episode needs now, prepared without opening them: to estimate how long they take."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import ProductionJob
from db.models.scenes import Scene
from db.models.versions import Branch
from tower.errors import InvalidError, NotFoundError
from tower.jobs.spec import EngineChoice
from tower.settings import Settings
from tower.shots.scene_jobs import choose_draw, live_jobs_by_scene, prepare_scene_job_on, read_head
from tower.shots.scene_sources import SceneView, load_render_inputs
from tower.shots.scene_spec import RenderOverrides
from tower.staleness.report import StalenessReport, report_branch, report_episode

NeededRender = tuple[SceneView, RenderOverrides]


def prepare_stale_renders(
    session: Session,
    branch: Branch,
    settings: Settings,
    *,
    quality: str | None = None,
    engine: EngineChoice | None = None,
) -> list[ProductionJob]:
    """The jobs that open_stale_renders would open, without those that cannot be rendered. None is in the database."""
    found = report_branch(session, branch, settings)
    stale = [(one.scene, change_overrides(one.overrides, quality, engine)) for one in found.stale]
    return _prepare(session, branch.id, branch.project_id, stale, settings)


def prepare_episode_renders(
    session: Session,
    episode: Episode,
    settings: Settings,
    *,
    quality: str | None = None,
    engine: EngineChoice | None = None,
) -> list[ProductionJob]:
    """The jobs that open_episode_renders would open, without those that cannot be rendered. None is in the database."""
    wanted = list_needed(session, report_episode(session, episode, settings))
    changed = [(scene, change_overrides(wish, quality, engine)) for scene, wish in wanted]
    return _prepare(session, episode.branch_id, episode.project_id, changed, settings)


def list_needed(session: Session, found: StalenessReport) -> list[NeededRender]:
    """The scenes of an episode that are stale or have no take, each with how it is rendered."""
    missing = session.scalars(select(Scene).where(Scene.id.in_(found.missing))).all()
    return [
        *((stale.scene, stale.overrides) for stale in found.stale),
        *((scene, RenderOverrides(draw=choose_draw(session, scene))) for scene in missing),
    ]


def change_overrides(wish: RenderOverrides, quality: str | None, engine: EngineChoice | None) -> RenderOverrides:
    return replace(wish, quality=quality or wish.quality, engine=engine or wish.engine)


def _prepare(
    session: Session, branch_id: int, project_id: int, wanted: Sequence[NeededRender], settings: Settings
) -> list[ProductionJob]:
    scenes = [scene for scene, _ in wanted]
    head = read_head(session, branch_id, settings)
    sources = load_render_inputs(session, branch_id, project_id, scenes)
    running = live_jobs_by_scene(session, [scene.id for scene in scenes])
    prepared = []
    for scene, wish in wanted:
        if scene.id not in running:
            with contextlib.suppress(InvalidError, NotFoundError):
                prepared.append(prepare_scene_job_on(sources, head, scene, wish))
    return prepared
