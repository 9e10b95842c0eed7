"""Renders exactly the scenes whose accepted take is stale, and for a film those without a take too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import ProductionJob
from db.models.versions import Branch
from tower.errors import InvalidError, NotFoundError, TowerError
from tower.jobs import lifecycle
from tower.jobs.spec import EngineChoice
from tower.rendering.engine_choice import EngineVersion
from tower.rendering.studio import Studio
from tower.shots.fingerprint import collect_fingerprint_inputs, engine_for_scene
from tower.shots.preflight import check_job_can_render
from tower.shots.scene_jobs import (
    BranchHead,
    live_jobs_by_scene,
    lock_branch,
    prepare_scene_job_on,
    read_scene_snapshot,
)
from tower.shots.scene_sources import RenderInputs, SceneView, load_render_inputs
from tower.shots.scene_spec import RenderOverrides
from tower.staleness.planned_renders import change_overrides, list_needed
from tower.staleness.reasons import compare_inputs
from tower.staleness.report import StaleScene, report_branch, report_episode


@dataclass(frozen=True)
class LiveRender:
    """A job that already renders the scene. `is_current`: its take will not be stale when it is finished."""

    job: ProductionJob
    is_current: bool


@dataclass(frozen=True)
class StaleRenderResult:
    """The stale scenes by number, and for the id of each a new job, a live job or an error."""

    commit_hash: str | None
    stale: tuple[StaleScene, ...]
    opened: Mapping[int, ProductionJob]
    live: Mapping[int, LiveRender]
    refused: Mapping[int, TowerError]


def open_stale_renders(
    session: Session,
    branch: Branch,
    *,
    studio: Studio,
    quality: str | None = None,
    engine: EngineChoice | None = None,
    dry_run: bool = False,
) -> StaleRenderResult:
    """Open a job for each stale scene of the branch that no job is rendering. The caller commits.

    Each job uses the overrides of the accepted take, except for the quality and engine given here. A concurrent caller
    waits and then finds these jobs. In a dry run they are not put into the database. Raises UnavailableError for an
    engine that no worker has.
    """
    ready = lock_branch(session, branch.id, studio.settings)
    stale = report_branch(session, branch, studio.settings).stale
    scenes = [found.scene for found in stale]
    sources = load_render_inputs(session, branch.id, branch.project_id, scenes)
    running = live_jobs_by_scene(session, [scene.id for scene in scenes])
    live = {scene.id: _to_live(sources, ready, scene, running[scene.id]) for scene in scenes if scene.id in running}
    opened: dict[int, ProductionJob] = {}
    refused: dict[int, TowerError] = {}
    for found in stale:
        if found.scene.id not in live:
            wish = change_overrides(found.overrides, quality, engine)
            try:
                opened[found.scene.id] = _open_job(sources, ready, found.scene, wish, studio, kept=not dry_run)
            except (InvalidError, NotFoundError) as error:
                refused[found.scene.id] = error
    return StaleRenderResult(ready.commit_hash, stale, opened, live, refused)


@dataclass(frozen=True)
class EpisodeRenders:
    """The renders that an episode needs before its film: new jobs, and live jobs whose take will not be stale.

    `current` counts the scenes that need none.
    """

    opened: Sequence[ProductionJob]
    joined: Sequence[ProductionJob]
    current: int


def open_episode_renders(
    session: Session,
    episode: Episode,
    *,
    studio: Studio,
    quality: str | None = None,
    engine: EngineChoice | None = None,
) -> EpisodeRenders:
    """Open a job for each scene of the episode that is stale or has no take. The caller commits.

    A live job is joined if its take will be current. Raises the error of the first scene that cannot be rendered, with
    its number, and UnavailableError for an engine that no worker has.
    """
    ready = lock_branch(session, episode.branch_id, studio.settings)
    found = report_episode(session, episode, studio.settings)
    wanted = list_needed(session, found)
    scenes = [scene for scene, _ in wanted]
    sources = load_render_inputs(session, episode.branch_id, episode.project_id, scenes)
    running = live_jobs_by_scene(session, [scene.id for scene in scenes])
    opened, joined = [], []
    for scene, wish in sorted(wanted, key=lambda one: one[0].scene_number):
        live = running.get(scene.id)
        if live is not None and _to_live(sources, ready, scene, live).is_current:
            joined.append(live)
            continue
        try:
            changed = change_overrides(wish, quality, engine)
            opened.append(_open_job(sources, ready, scene, changed, studio, kept=True))
        except (InvalidError, NotFoundError) as error:
            details = {**(error.details or {}), "scene_id": scene.id}
            raise type(error)(f"Scene {scene.scene_number}: {error.message}", details=details) from error
    return EpisodeRenders(opened, joined, found.scenes - len(scenes))


def _open_job(
    sources: RenderInputs,
    ready: BranchHead,
    scene: SceneView,
    wish: RenderOverrides,
    studio: Studio,
    *,
    kept: bool,
) -> ProductionJob:
    job = prepare_scene_job_on(sources, ready, scene, wish)
    check_job_can_render(sources.session, job, studio)
    return lifecycle.add_job(sources.session, job) if kept else job


def _to_live(sources: RenderInputs, ready: BranchHead, scene: SceneView, job: ProductionJob) -> LiveRender:
    state = read_scene_snapshot(job)
    if state is None:
        return LiveRender(job, is_current=False)
    was = EngineVersion(state.parts.engine.name, state.parts.engine.version)
    engine = engine_for_scene(state.wish, ready.engine, take_engine=was)
    return LiveRender(
        job, is_current=not compare_inputs(state.parts, collect_fingerprint_inputs(sources, scene, state.wish, engine))
    )


def scene_ids(stale: Sequence[StaleScene]) -> list[int]:
    return [found.scene.id for found in stale]
