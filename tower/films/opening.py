"""Opens the job that makes the film of an episode, and the jobs that render its scenes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import JobStatus, JobType, ProductionJob
from tower.assembly.cut import Shot
from tower.assembly.planning import plan_cut
from tower.assembly.takes import EpisodeIncompleteError
from tower.errors import ConflictError
from tower.films.requests import FilmRequest, RenderChoice
from tower.jobs.waiting import OPENED_JOBS
from tower.rendering.studio import Studio
from tower.shots.scene_jobs import lock_branch
from tower.staleness.rendering import EpisodeRenders, open_episode_renders
from tower.story.entities import LocatedRow
from tower.story.film_jobs import find_live_film_job


@dataclass(frozen=True)
class FilmJob:
    """The job of a film. `opened` and `joined`: ids of the jobs that it waits for, its own and those of others.

    `reused` counts the scenes whose take is current.
    """

    job: ProductionJob
    opened: list[int]
    joined: list[int]
    reused: int


def open_film_job(session: Session, studio: Studio, episode: LocatedRow[Episode], request: FilmRequest) -> FilmJob:
    """Open the job of a film; it is launched once the caller has committed and its renders have ended.

    Raises ConflictError if a job already makes this film, EpisodeIncompleteError for an episode without scenes, and,
    if nothing is to be rendered, what plan_cut raises. A scene that cannot be rendered raises its own error.
    """
    row = episode.row
    head = lock_branch(session, row.branch_id, studio.settings).commit_hash
    is_trailer = request.trailer_seconds is not None
    named = f"{'Trailer of episode' if is_trailer else 'Episode'} {row.episode_number}: {row.title}"
    live = find_live_film_job(session, episode, is_trailer=is_trailer)
    if live is not None:
        what = "trailer" if is_trailer else "film"
        raise ConflictError(
            f"Generation {live.id} already makes the {what} of episode {row.episode_number}",
            details={"job_id": live.id},
        )
    renders = _open_renders(session, studio, episode, request)
    opened, joined = ([job.id for job in jobs] for jobs in (renders.opened, renders.joined))
    job = ProductionJob(
        project_id=episode.project_id,
        job_type=JobType.FILM,
        status=JobStatus.PROCESSING,
        prompt=named,
        parameters=request.model_dump(mode="json"),
        comfyui_job_id=uuid.uuid4(),
        seed=0,
        commit_hash=head,
        waits_for=sorted([*opened, *joined]),
        steps=OPENED_JOBS.to_entry(opened) if opened else {},
    )
    session.add(job)
    session.flush()
    return FilmJob(job, opened, joined, renders.current)


def _open_renders(
    session: Session, studio: Studio, episode: LocatedRow[Episode], request: FilmRequest
) -> EpisodeRenders:
    if request.render is RenderChoice.NONE:
        shots = [item for item in plan_cut(session, episode).items if isinstance(item, Shot)]
        return EpisodeRenders((), (), len(shots))
    renders = open_episode_renders(session, episode.row, studio=studio, quality=request.quality, engine=request.engine)
    if not (renders.opened or renders.joined):
        if renders.current == 0:
            raise EpisodeIncompleteError("The episode has no scenes: set its id as the episode of a scene")
        plan_cut(session, episode)
    return renders
