"""Renders exactly the scenes whose accepted take is stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.versions import Branch
from tower.errors import InvalidError, NotFoundError, TowerError
from tower.jobs import lifecycle
from tower.jobs.spec import EngineChoice
from tower.rendering.engine_choice import EngineName, chosen_by_pool
from tower.settings import Settings
from tower.shots.fingerprint import engine_for_scene, inputs_of
from tower.shots.scene_jobs import Prepared, live_jobs, open_prepared, prepare, rendered_by
from tower.shots.scene_sources import Pictured, Sources, sources_of
from tower.shots.scene_spec import Wish
from tower.staleness.reasons import reasons
from tower.staleness.report import StaleScene, of_branch
from tower.workflows import store


@dataclass(frozen=True)
class Live:
    """A job that already renders the scene. `is_current`: its take will not be stale when it is finished."""

    job: ProductionJob
    up_to_date: bool


@dataclass(frozen=True)
class Rendering:
    """The stale scenes by number, and for the id of each a new job, a live job or an error."""

    commit_hash: str | None
    stale: tuple[StaleScene, ...]
    opened: Mapping[int, ProductionJob]
    live: Mapping[int, Live]
    refused: Mapping[int, TowerError]


def render_stale(
    session: Session,
    branch: Branch,
    *,
    settings: Settings,
    quality: str | None = None,
    engine: EngineChoice | None = None,
    dry_run: bool = False,
) -> Rendering:
    """Open a job for each stale scene of the branch that no job is rendering. The caller commits.

    Each job uses the overrides of the accepted take, except for the quality and engine given here. A concurrent caller
    waits and then finds these jobs. In a dry run the jobs are rolled back. Raises UnavailableError for an engine that
    no worker has.
    """
    ready = prepare(session, branch.id, settings)
    stale = of_branch(session, branch, settings).stale
    scenes = [found.scene for found in stale]
    sources = sources_of(session, branch.id, branch.project_id, scenes)
    running = live_jobs(session, [scene.id for scene in scenes])
    live = {scene.id: _to_live(sources, ready, scene, running[scene.id]) for scene in scenes if scene.id in running}
    opened: dict[int, ProductionJob] = {}
    refused: dict[int, TowerError] = {}
    for found in stale:
        if found.scene.id not in live:
            wish = replace(found.wish, quality=quality or found.wish.quality, engine=engine or found.wish.engine)
            try:
                opened[found.scene.id] = _open_job(sources, ready, found.scene, wish, settings, kept=not dry_run)
            except (InvalidError, NotFoundError) as error:
                refused[found.scene.id] = error
    return Rendering(ready.commit_hash, stale, opened, live, refused)


def _open_job(
    sources: Sources, ready: Prepared, scene: Pictured, wish: Wish, settings: Settings, *, kept: bool
) -> ProductionJob:
    with sources.session.begin_nested() as savepoint:
        job = open_prepared(sources, ready, scene, wish)
        spec = lifecycle.spec_of(job)
        chosen_by_pool(sources.session, spec.engine, settings)
        if spec.workflow is not None:
            store.get(sources.session, spec.workflow)
        if not kept:
            savepoint.rollback()
    return job


def _to_live(sources: Sources, ready: Prepared, scene: Pictured, job: ProductionJob) -> Live:
    state = rendered_by(job)
    if state is None:
        return Live(job, up_to_date=False)
    was = EngineName(state.parts.engine.name, state.parts.engine.version)
    engine = engine_for_scene(state.wish, ready.engine, was=was)
    return Live(job, up_to_date=not reasons(state.parts, inputs_of(sources, scene, state.wish, engine)))


def scene_ids(stale: Sequence[StaleScene]) -> list[int]:
    return [found.scene.id for found in stale]
