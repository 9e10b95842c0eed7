"""Make the film of an episode: as a job, which renders its scenes first if asked."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypedDict, Unpack

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.episodes.dependencies import CurrentStudio
from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import DatabaseSession, RequestId
from api.http.field_types import BranchName, EngineChoice
from api.http.strict_routes import Body, strict_router
from api.production.generation.idempotency import IdempotencyKey, answer_once
from db.models.jobs import JobStatus, JobType
from tower.films.opening import FilmJob, open_film_job
from tower.films.requests import FilmRequest, RenderChoice, read_request
from tower.jobs.requests import ACCEPTED_STATUS, IncomingRequest, JobOpened
from tower.rendering.studio import Studio
from tower.story.episodes import find_episode

PREFIX = "/api/anime/episodes/{episode_id}"
router = strict_router(prefix=PREFIX, tags=["films"])
ERRORS = error_responses(400, 404, 409, 413, 415)
Quality = Literal["low", "medium", "high", "fast_preview", "current_workflow", "ultra_production"]


@dataclass(frozen=True)
class EpisodeChoice:
    """The episode that a request names, and its branch; None: the default one."""

    key: uuid.UUID
    project_id: int | None
    branch: str | None


class RenderOptions(TypedDict, total=False):
    """How the scenes of a film are rendered."""

    quality: str | None
    engine: EngineChoice | None


class FilmOptions(RenderOptions, total=False):
    """What a request chooses of a film, beside its episode."""

    render: RenderChoice
    publish: bool
    trailer_seconds: float | None


class BranchField(Body):
    branch: BranchName | None = Field(
        None, validation_alias=AliasChoices("branch", "branch_name"), description="Also `branch_name`."
    )


class FilmFields(BranchField):
    quality: Quality | None = None
    engine: EngineChoice | None = None


class RenderRequest(FilmFields):
    """`quality` and `engine` are those of the scenes that are rendered; by default each scene's own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"quality": "low"}]})

    publish: bool = Field(False, description="Also put the film into the library.")


class AssembleRequest(RenderRequest):
    """`render`: none uses the takes that are there; stale renders missing and stale scenes first, as /render does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"render": "stale"}]})

    render: Annotated[RenderChoice, Field(strict=False)] = RenderChoice.NONE


class PublishRequest(FilmFields):
    """`render`: as in /assemble."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"render": "stale"}]})

    render: Annotated[RenderChoice, Field(strict=False)] = RenderChoice.NONE


class FilmStarted(BaseModel):
    """The job is stored. It runs as soon as the renders that it waits for have ended."""

    job_id: int
    id: str
    generation_id: str = Field(examples=["gen_109"])
    job_type: JobType
    status: JobStatus
    episode_id: uuid.UUID
    project_id: int
    branch_name: str
    render: RenderChoice
    opened_jobs: list[int] = Field(description="The renders that were opened for this film.")
    joined_jobs: list[int] = Field(description="The renders that had been opened before.")
    reused_scenes: int = Field(description="How many scenes need no render.")
    episode_url: str = Field(description="Answers the film's progress in `film`.")
    video_url: str
    warnings: list[str]
    created_at: datetime

    @classmethod
    def of(cls, film: FilmJob) -> Self:
        job, request = film.job, read_request(film.job)
        url = PREFIX.format(episode_id=request.episode_key)
        return cls(
            job_id=job.id,
            id=str(job.id),
            generation_id=f"gen_{job.id}",
            job_type=job.job_type,
            status=job.status,
            episode_id=request.episode_key,
            project_id=request.project_id,
            branch_name=request.branch,
            render=request.render,
            opened_jobs=film.opened,
            joined_jobs=film.joined,
            reused_scenes=film.reused,
            episode_url=url,
            video_url=f"{url}/video" if request.trailer_seconds is None else f"{url}/trailer",
            warnings=job.warnings,
            created_at=job.created_at,
        )


@router.post("/assemble", status_code=ACCEPTED_STATUS, response_model=FilmStarted, responses=ERRORS)
def assemble_episode(
    episode_id: uuid.UUID,
    body: AssembleRequest,
    *,
    session: DatabaseSession,
    request_id: RequestId,
    studio: CurrentStudio,
    project_id: OptionalProject = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make the film of the takes that its scenes show now. A film with nothing changed is made at once.

    409 lists the scenes without a take, or names the job that makes this film already.
    """
    received = receive_film(episode_id, "assemble", body, request_id=request_id, idempotency_key=idempotency_key)
    return open_film(
        session,
        studio,
        received,
        EpisodeChoice(episode_id, project_id, body.branch),
        render=body.render,
        publish=body.publish,
        **_renders(body),
    )


@router.post("/render", status_code=ACCEPTED_STATUS, response_model=FilmStarted, responses=ERRORS)
def render_episode(
    episode_id: uuid.UUID,
    body: RenderRequest,
    *,
    session: DatabaseSession,
    request_id: RequestId,
    studio: CurrentStudio,
    project_id: OptionalProject = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Render the scenes that are stale or have no take, then make the film. Scenes that are current cost nothing.

    A scene that a job already renders is not rendered twice. A scene that cannot be rendered fails the film.
    """
    received = receive_film(episode_id, "render", body, request_id=request_id, idempotency_key=idempotency_key)
    return open_film(
        session,
        studio,
        received,
        EpisodeChoice(episode_id, project_id, body.branch),
        render=RenderChoice.STALE,
        publish=body.publish,
        **_renders(body),
    )


@router.post("/publish", status_code=ACCEPTED_STATUS, response_model=FilmStarted, responses=ERRORS)
def publish_episode(
    episode_id: uuid.UUID,
    body: PublishRequest,
    *,
    session: DatabaseSession,
    request_id: RequestId,
    studio: CurrentStudio,
    project_id: OptionalProject = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Make the film, unless one of an equal cut is there, and put it into the library.

    The same film again changes nothing. GET …/publications answers where it is, and whether Jellyfin shows it.
    """
    received = receive_film(episode_id, "publish", body, request_id=request_id, idempotency_key=idempotency_key)
    return open_film(
        session,
        studio,
        received,
        EpisodeChoice(episode_id, project_id, body.branch),
        render=body.render,
        publish=True,
        **_renders(body),
    )


def receive_film(
    episode_id: uuid.UUID, action: str, body: Body, *, request_id: str, idempotency_key: str | None
) -> IncomingRequest:
    """The request, whose job an Idempotency-Key opens once."""
    endpoint = f"POST {PREFIX.format(episode_id=episode_id)}/{action}"
    sent: dict[str, Any] = body.model_dump(mode="json", exclude_unset=True)
    return IncomingRequest(endpoint, sent, request_id, idempotency_key)


def open_film(
    session: Session,
    studio: Studio,
    received: IncomingRequest,
    chosen: EpisodeChoice,
    **options: Unpack[FilmOptions],
) -> JSONResponse:
    """Open the job of a film. The reconciler, which the production API runs, launches it within its next pass."""

    def open_job() -> JobOpened:
        found = find_episode(session, chosen.key, project_id=chosen.project_id, branch=chosen.branch, lock=True)
        request = FilmRequest(episode_key=chosen.key, project_id=found.project_id, branch=found.branch, **options)
        film = open_film_job(session, studio, found, request)
        session.refresh(film.job)
        return JobOpened(film.job.id, FilmStarted.of(film).model_dump(mode="json"))

    return answer_once(session, received, open_job)


def _renders(body: FilmFields) -> RenderOptions:
    return {"quality": body.quality, "engine": body.engine}
