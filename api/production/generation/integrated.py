"""Start an integrated generation for a project: all stages, with rounds that improve the quality."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, RequestId
from api.http.strict_routes import MAX_ID, strict_router
from api.production.dependencies import CurrentStudio, JobReconciler
from api.production.generation.idempotency import IdempotencyKey, open_idempotently
from api.production.generation.integrated_bodies import (
    CommandGenerationStarted,
    CommandRequest,
    ProjectGenerationRequest,
    ProjectGenerationStarted,
)
from db.models.jobs import JobType, ProductionJob
from tower.errors import InvalidError
from tower.jobs.production import DecidedSpec, decide_spec, open_decided_job
from tower.jobs.requests import ACCEPTED_STATUS, IncomingRequest, JobOpened
from tower.rendering.forecast import forecast_job
from tower.rendering.studio import Studio
from tower.shots.preflight import check_job_can_render
from tower.versions.refs import check_project_exists

router = strict_router(prefix="/api/anime", tags=["generation"])
ProjectId = Annotated[int, Path(ge=1, le=MAX_ID)]
ERROR_RESPONSES = error_responses(400, 404, 409, 413, 415)


@router.post(
    "/generate/project/{project_id}",
    status_code=ACCEPTED_STATUS,
    response_model=ProjectGenerationStarted,
    responses=ERROR_RESPONSES,
)
def generate_for_project(
    project_id: ProjectId,
    body: ProjectGenerationRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    studio: CurrentStudio,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot for a project, in up to three rounds until it passes quality control. Activates a draft."""
    endpoint = f"POST /api/anime/generate/project/{project_id}"
    received = IncomingRequest(endpoint, body.sent_fields(), request_id, idempotency_key)

    def open_job() -> JobOpened:
        decided = decide_for_project(session, project_id, body)
        job = open_integrated_job(session, decided, studio)
        return JobOpened(
            job.id,
            ProjectGenerationStarted.of(job, forecast=forecast_job(session, job, studio)).model_dump(mode="json"),
        )

    return open_idempotently(session, reconciler, received, open_job)


@router.post(
    "/projects/{project_id}/generate-from-command",
    status_code=ACCEPTED_STATUS,
    response_model=CommandGenerationStarted,
    responses=ERROR_RESPONSES,
)
def generate_from_command(
    project_id: ProjectId,
    body: CommandRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    studio: CurrentStudio,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot with several characters, as /generate/project does. The answer describes the shot."""
    endpoint = f"POST /api/anime/projects/{project_id}/generate-from-command"
    received = IncomingRequest(endpoint, body.sent_fields(), request_id, idempotency_key)

    def open_job() -> JobOpened:
        decided = decide_for_project(session, project_id, body)
        job = open_integrated_job(session, decided, studio)
        return JobOpened(
            job.id,
            CommandGenerationStarted.of_shot(job, decided.spec, forecast=forecast_job(session, job, studio)).model_dump(
                mode="json"
            ),
        )

    return open_idempotently(session, reconciler, received, open_job)


def open_integrated_job(session: Session, decided: DecidedSpec, studio: Studio) -> ProductionJob:
    """Open the job. Raises what `check_job_can_render` raises."""
    job = open_decided_job(session, decided, job_type=JobType.INTEGRATED)
    check_job_can_render(session, job, studio)
    return job


def decide_for_project(session: Session, project_id: int, body: ProjectGenerationRequest) -> DecidedSpec:
    """Decide the shot of a request. Raises NotFoundError for an unknown project, InvalidError for another one."""
    check_project_exists(session, project_id)
    if body.project_id not in (None, project_id):
        raise InvalidError.field("project_id", body.project_id, f"nothing, or {project_id} as in the path")
    return decide_spec(session, body.named_fields() | {"project_id": project_id})
