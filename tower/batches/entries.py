"""Opens the jobs of one entry of the production schedule: of a scene, of an episode's film, or of all stale scenes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule
from db.models.versions import Branch
from tower.errors import ConflictError, InvalidError, NotFoundError, TowerError, UnavailableError
from tower.films.opening import FilmJob, open_film_job
from tower.films.requests import FilmRequest
from tower.jobs import lifecycle
from tower.rendering.studio import Studio
from tower.settings import AUTO_ENGINE
from tower.shots.preflight import check_job_can_render
from tower.shots.scene_jobs import BranchHead, choose_draw, live_jobs_by_scene, lock_branch, prepare_scene_job
from tower.shots.scene_spec import RenderOverrides
from tower.staleness.rendering import open_stale_renders
from tower.story.episodes import find_episode
from tower.story.schedule import STALE_PARAMETERS

SCENE_GONE = "Its branch no longer has such a scene"
SPEC_FIELDS = {"duration": "duration_s"}  # names of a GenerationSpec that differ from those of the parameters


class SceneStart(StrEnum):
    """What the start of an entry did with a scene."""

    OPENED = "opened"  # a job renders it
    JOINED = "joined"  # a job rendered it already
    CURRENT = "current"  # its take is as the story says
    REFUSED = "refused"  # it cannot be rendered


@dataclass(frozen=True)
class StartedScene:
    """A scene of a started entry. `asset_id`: the take of a scene that is current; `reason`: why it was refused."""

    scene_id: int
    scene_number: int
    start: SceneStart
    job_id: int | None = None
    asset_id: int | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class OpenedEntry:
    """The jobs that an entry ends with, the new jobs that render, and what became of each scene."""

    jobs: Sequence[ProductionJob]
    renders: Sequence[ProductionJob]
    scenes: Sequence[StartedScene]

    @property
    def refusals(self) -> list[str]:
        return [f"Scene {scene.scene_number}: {scene.reason}" for scene in self.scenes if scene.reason]


def open_entry(session: Session, row: ProductionSchedule, studio: Studio) -> OpenedEntry:
    """Open the jobs of the entry. The caller commits.

    Raises a TowerError if nothing can be started. UnavailableError: not now, for no worker has the engine, or another
    job makes the film.
    """
    if session.get_one(Project, row.project_id).deleted_at is not None:
        raise NotFoundError("Its project is in the bin")
    if row.episode_key is not None:
        return _open_film(session, row, row.episode_key, studio)
    return _open_scene(session, row, studio) if row.scene_key is not None else _open_stale(session, row, studio)


def find_entry_scene(session: Session, row: ProductionSchedule) -> Scene:
    """Raises NotFoundError if the branch no longer has the scene of the entry."""
    scene = session.scalar(select(Scene).where(Scene.branch_id == row.branch_id, Scene.key == row.scene_key))
    if scene is None:
        raise NotFoundError(SCENE_GONE)
    return scene


def prepare_entry_scene(session: Session, row: ProductionSchedule, scene: Scene, head: BranchHead) -> ProductionJob:
    """The job that renders the scene of the entry, which is not in the database."""
    parameters: dict[str, Any] = {name: value for name, value in row.parameters.items() if value is not None}
    quality, engine = parameters.pop("quality", None), parameters.pop("engine", AUTO_ENGINE)
    overrides = {SPEC_FIELDS.get(name, name): value for name, value in parameters.items()}
    wish = RenderOverrides(quality, engine, overrides, choose_draw(session, scene))
    return prepare_scene_job(session, head, scene, wish, job_type=row.job_type)


def read_stale_parameters(row: ProductionSchedule) -> dict[str, Any]:
    if other := row.parameters.keys() - STALE_PARAMETERS:
        raise InvalidError.field("parameters", sorted(other), "quality and engine only, for this target")
    return {name: row.parameters.get(name) for name in ("quality", "engine")}


def _open_film(session: Session, row: ProductionSchedule, key: uuid.UUID, studio: Studio) -> OpenedEntry:
    branch = session.get_one(Branch, row.branch_id)
    episode = find_episode(session, key, branch=branch.name, project_id=row.project_id)
    request = FilmRequest(
        episode_key=key,
        project_id=row.project_id,
        branch=branch.name,
        publish=row.allow_publish,
        **read_stale_parameters(row),
    )
    try:
        film = open_film_job(session, studio, episode, request)
    except ConflictError as error:  # that film may show an older state, or not be published
        raise UnavailableError(error.message) from error
    scenes = session.scalars(
        select(Scene).where(Scene.branch_id == row.branch_id, Scene.episode_key == key).order_by(Scene.scene_number)
    )
    renders = session.scalars(select(ProductionJob).where(ProductionJob.id.in_(film.opened))).all()
    return OpenedEntry([film.job, *renders], renders, _scenes_of_film(session, film, scenes.all()))


def _scenes_of_film(session: Session, film: FilmJob, scenes: Sequence[Scene]) -> list[StartedScene]:
    awaited = session.scalars(select(ProductionJob).where(ProductionJob.id.in_(film.job.waits_for)))
    by_scene = {job.scene_id: job for job in awaited}
    started = []
    for scene in scenes:
        job = by_scene.get(scene.id)
        if job is None:
            current = StartedScene(scene.id, scene.scene_number, SceneStart.CURRENT, asset_id=scene.accepted_asset_id)
            started.append(current)
        else:
            start = SceneStart.OPENED if job.id in film.opened else SceneStart.JOINED
            started.append(StartedScene(scene.id, scene.scene_number, start, job.id))
    return started


def _open_stale(session: Session, row: ProductionSchedule, studio: Studio) -> OpenedEntry:
    branch = session.get_one(Branch, row.branch_id)
    result = open_stale_renders(session, branch, studio=studio, **read_stale_parameters(row))
    scenes = []
    for found in result.stale:
        scene, number = found.scene.id, found.scene.scene_number
        if scene in result.opened:
            scenes.append(StartedScene(scene, number, SceneStart.OPENED, result.opened[scene].id))
        elif scene in result.live:
            scenes.append(StartedScene(scene, number, SceneStart.JOINED, result.live[scene].job.id))
        else:
            refused = result.refused[scene]
            scenes.append(StartedScene(scene, number, SceneStart.REFUSED, reason=refused.message))
    opened, joined = list(result.opened.values()), [live.job for live in result.live.values()]
    return OpenedEntry([*opened, *joined], opened, scenes)


def _open_scene(session: Session, row: ProductionSchedule, studio: Studio) -> OpenedEntry:
    scene = find_entry_scene(session, row)
    head = lock_branch(session, scene.branch_id, studio.settings)
    session.refresh(scene)
    try:
        job = prepare_entry_scene(session, row, scene, head)
        check_job_can_render(session, job, studio)
    except UnavailableError:
        raise
    except TowerError as error:
        refused = StartedScene(scene.id, scene.scene_number, SceneStart.REFUSED, reason=error.message)
        return OpenedEntry([], [], [refused])
    live = live_jobs_by_scene(session, [scene.id]).get(scene.id)
    if live is not None and _renders_the_same(live, job):
        return OpenedEntry([live], [], [StartedScene(scene.id, scene.scene_number, SceneStart.JOINED, live.id)])
    lifecycle.add_job(session, job)
    return OpenedEntry([job], [job], [StartedScene(scene.id, scene.scene_number, SceneStart.OPENED, job.id)])


def _renders_the_same(live: ProductionJob, job: ProductionJob) -> bool:
    """Whether the live job renders the same state of the scene as the new one, with the same parameters."""
    return (live.job_type, live.commit_hash, live.parameters) == (job.job_type, job.commit_hash, job.parameters)
