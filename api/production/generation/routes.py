"""Start, follow, cancel, retry and list generations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Response
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession, RequestId
from api.http.paging import Pages
from api.http.strict_routes import MAX_ID, StrictDatetime, strict_router
from api.production.dependencies import CurrentStudio, JobReconciler, PrefectUiUrl
from api.production.generation.answers import AnyStatus, job_status, job_statuses
from api.production.generation.bodies import GenerationRequest, GenerationStarted
from api.production.generation.idempotency import IdempotencyKey, open_idempotently
from api.production.generation.typed_answers import PersonalGenerationStarted
from db.models.jobs import JobStatus, JobType
from tower.jobs import lifecycle
from tower.jobs.listing import JobFilter, list_jobs
from tower.jobs.production import decide_spec, open_decided_job
from tower.jobs.requests import ACCEPTED_STATUS, IncomingRequest, JobOpened
from tower.jobs.spec import job_type_for
from tower.moods.choice import open_personal_job
from tower.rendering.forecast import forecast_job
from tower.rendering.studio import Studio
from tower.shots.preflight import check_job_can_render, retry_job

router = strict_router(prefix="/api/anime", tags=["generation"])


@router.post(
    "/generate",
    status_code=ACCEPTED_STATUS,
    response_model=PersonalGenerationStarted | GenerationStarted,
    responses=error_responses(400, 404, 409, 413, 415),
)
def generate(
    body: GenerationRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    studio: CurrentStudio,
    author: Author,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot. Answers at once. If Prefect is down, the job is stored and runs when Prefect is back.

    A professional generation needs an existing character. A personal one answers the choice for its mood.
    """
    received = IncomingRequest("POST /api/anime/generate", body.sent_fields(), request_id, idempotency_key)
    return open_idempotently(session, reconciler, received, lambda: _open_job(session, body, studio, user=author))


async def _job_filter(
    status: JobStatus | None = None,
    job_type: JobType | None = None,
    project_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    since: Annotated[
        StrictDatetime | None, Query(description="Created at this time or later; UTC without a time zone.")
    ] = None,
    until: Annotated[StrictDatetime | None, Query(description="Created before this time.")] = None,
) -> JobFilter:
    return JobFilter(status, job_type, project_id, _in_utc(since), _in_utc(until))


@router.get("/generation")
def list_generations(
    only: Annotated[JobFilter, Depends(_job_filter)],
    pages: Pages,
    session: ReadingSession,
    studio: CurrentStudio,
    prefect_ui_url: PrefectUiUrl,
) -> list[AnyStatus]:
    """Generations, newest first. The headers X-Next-Cursor and Link (rel=next) lead to the next page, if any."""
    page = list_jobs(session, only, pages.page_request)
    pages.set_next_link(page)
    return job_statuses(session, page.rows, studio, prefect_ui_url=prefect_ui_url)


@router.get("/generation/{generation}/status", responses=error_responses(404))
def generation_status(
    generation: str, session: ReadingSession, studio: CurrentStudio, prefect_ui_url: PrefectUiUrl
) -> AnyStatus:
    """Progress of a generation. `generation` is its job_id, comfyui_job_id or generation_id (gen_…)."""
    return job_status(session, lifecycle.find_job(session, generation), studio, prefect_ui_url=prefect_ui_url)


@router.post("/generation/{generation}/cancel", responses=error_responses(404, 409))
def cancel_generation(
    generation: str,
    session: DatabaseSession,
    *,
    reconciler: JobReconciler,
    studio: CurrentStudio,
    prefect_ui_url: PrefectUiUrl,
) -> AnyStatus:
    """Cancel a generation; its render stops within seconds. Cancelling again answers the same. 409 after the end."""
    with session.begin():
        job = lifecycle.cancel_job(session, lifecycle.find_job(session, generation).id)
    reconciler.wake()
    session.refresh(job)
    return job_status(session, job, studio, prefect_ui_url=prefect_ui_url)


@router.post("/generation/{generation}/retry", responses=error_responses(404, 409))
def retry_generation(
    generation: str,
    session: DatabaseSession,
    *,
    reconciler: JobReconciler,
    studio: CurrentStudio,
    prefect_ui_url: PrefectUiUrl,
) -> AnyStatus:
    """Continue a failed or cancelled generation. Only missing segments are rendered; a failed join is repeated.

    What cannot be rendered now is refused as POST /generate refuses it, and the generation stays as it is.
    """
    with session.begin():
        job = retry_job(session, lifecycle.find_job(session, generation).id, studio)
    reconciler.wake()
    session.refresh(job)
    return job_status(session, job, studio, prefect_ui_url=prefect_ui_url)


def _open_job(session: Session, body: GenerationRequest, studio: Studio, *, user: str) -> JobOpened:
    decided = decide_spec(session, body.named_fields())
    job_type, answer = job_type_for(decided.spec.type), GenerationStarted
    if job_type == JobType.PERSONAL:
        job, answer = open_personal_job(session, decided, user=user)[0], PersonalGenerationStarted
    else:
        job = open_decided_job(session, decided, job_type=job_type)
    check_job_can_render(session, job, studio)
    started = answer.of(job, forecast=forecast_job(session, job, studio))
    return JobOpened(job.id, started.model_dump(mode="json"))


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
