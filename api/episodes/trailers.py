"""The trailer of an episode: made as a job, and sent whole or by Range."""

from __future__ import annotations

import uuid
from pathlib import Path

from fastapi import Response
from pydantic import ConfigDict, Field

from api.episodes.dependencies import CurrentStudio
from api.episodes.films import ERRORS, BranchField, EpisodeChoice, FilmStarted, open_film, receive_film
from api.episodes.routes import OptionalProject
from api.episodes.videos import stat_film
from api.http.dependencies import DatabaseSession, ReadingSession, RequestId
from api.http.field_types import BranchQuery
from api.http.ranged_file import RangedFile, video_responses
from api.http.strict_routes import strict_router
from api.production.generation.idempotency import IdempotencyKey
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.films.requests import RenderChoice
from tower.jobs.requests import ACCEPTED_STATUS
from tower.story.episodes import find_episode
from tower.story.film_jobs import find_live_film_job, find_trailer_job

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["films"])
SHORTEST_S, USUAL_S, LONGEST_S = 10, 30, 90


class TrailerRequest(BranchField):
    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"seconds": 15}]})

    seconds: float = Field(
        USUAL_S, ge=SHORTEST_S, le=LONGEST_S, description="Its length; less if the scenes have no more to show."
    )


@router.post("/trailer", status_code=ACCEPTED_STATUS, response_model=FilmStarted, responses=ERRORS)
def make_trailer(
    episode_id: uuid.UUID,
    body: TrailerRequest,
    *,
    session: DatabaseSession,
    request_id: RequestId,
    studio: CurrentStudio,
    project_id: OptionalProject = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make a trailer of the takes that the scenes show now: the best shots, without the end of the story.

    Nothing is rendered. 409 lists the scenes without a take, or names the job that makes a trailer already.
    """
    received = receive_film(episode_id, "trailer", body, request_id=request_id, idempotency_key=idempotency_key)
    return open_film(
        session,
        studio,
        received,
        EpisodeChoice(episode_id, project_id, body.branch),
        render=RenderChoice.NONE,
        trailer_seconds=body.seconds,
    )


@router.head("/trailer", include_in_schema=False)
@router.get(
    "/trailer",
    response_class=RangedFile,
    responses=video_responses("trailer", 404, 409, 416),
)
def episode_trailer(
    episode_id: uuid.UUID,
    session: ReadingSession,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> RangedFile:
    """The MP4 file of the last trailer that was made, also while another one is in the making. 404 if there is none."""
    found = find_episode(session, episode_id, project_id=project_id, branch=branch)
    number, made = found.row.episode_number, find_trailer_job(session, found)
    if made is None:
        live = find_live_film_job(session, found, is_trailer=True)
        if live is not None:
            raise NotFoundError(
                f"Episode {number} has no trailer yet: it is {round(live.progress * 100)} % done",
                details={"job_id": live.id, "progress": live.progress},
                code=ErrorCode.VIDEO_NOT_READY,
            )
        raise NotFoundError(f"Episode {number} has no trailer: POST …/trailer makes one", code=ErrorCode.NO_VIDEO)
    path = Path(made.output_path or "")
    return RangedFile(
        path,
        media_type="video/mp4",
        filename=f"episode-{number}-trailer.mp4",
        content_disposition_type="inline",
        stat_result=stat_film(path),
    )
