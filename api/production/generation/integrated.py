"""Start an integrated generation for a project: all stages, with rounds that improve the quality."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.dependencies import CurrentSettings, DatabaseSession, RequestId
from api.http.strict_routes import LARGEST_ID, strict_router
from api.production.dependencies import JobReconciler
from api.production.generation.idempotency import IdempotencyKey, open_once, refuse_now_what_its_run_would
from api.production.generation.integrated_bodies import (
    CommandGenerationStarted,
    CommandRequest,
    ProjectGenerationRequest,
    ProjectGenerationStarted,
)
from db.models.jobs import JobType, ProductionJob
from tower.errors import InvalidError
from tower.jobs import lifecycle
from tower.jobs.analytics import estimate_s
from tower.jobs.requests import ACCEPTED, Opened, Received
from tower.jobs.spec import GenerationSpec
from tower.presets.defaults import defaults
from tower.settings import Settings
from tower.versions.refs import project_exists

router = strict_router(prefix="/api/anime", tags=["generation"])
ProjectId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
FAILURES = documented(400, 404, 409, 413, 415)


@router.post(
    "/generate/project/{project_id}",
    status_code=ACCEPTED,
    response_model=ProjectGenerationStarted,
    responses=FAILURES,
)
def generate_for_project(
    project_id: ProjectId,
    body: ProjectGenerationRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    settings: CurrentSettings,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot for a project, in up to three rounds until it passes quality control. Activates a draft."""
    endpoint = f"POST /api/anime/generate/project/{project_id}"
    received = Received(endpoint, body.as_sent(), request_id, idempotency_key)

    def open_job() -> Opened:
        spec = spec_for(session, project_id, body)
        job, estimate = open_integrated(session, spec, settings)
        return Opened(job.id, ProjectGenerationStarted.of(job, estimate_s=estimate).model_dump(mode="json"))

    return open_once(session, reconciler, received, open_job)


@router.post(
    "/projects/{project_id}/generate-from-command",
    status_code=ACCEPTED,
    response_model=CommandGenerationStarted,
    responses=FAILURES,
)
def generate_from_command(
    project_id: ProjectId,
    body: CommandRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    settings: CurrentSettings,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot with several characters, as /generate/project does. The answer describes the shot."""
    endpoint = f"POST /api/anime/projects/{project_id}/generate-from-command"
    received = Received(endpoint, body.as_sent(), request_id, idempotency_key)

    def open_job() -> Opened:
        spec = spec_for(session, project_id, body)
        job, estimate = open_integrated(session, spec, settings)
        return Opened(job.id, CommandGenerationStarted.of_shot(job, spec, estimate_s=estimate).model_dump(mode="json"))

    return open_once(session, reconciler, received, open_job)


def open_integrated(session: Session, spec: GenerationSpec, settings: Settings) -> tuple[ProductionJob, float | None]:
    """The new job and its estimated seconds. Raises what `refuse_now_what_its_run_would` raises."""
    refuse_now_what_its_run_would(session, spec, settings)
    job = lifecycle.open_job(session, spec, job_type=JobType.INTEGRATED)
    return job, estimate_s(session, spec, job_type=JobType.INTEGRATED)


def spec_for(session: Session, project_id: int, body: ProjectGenerationRequest) -> GenerationSpec:
    """The specification of the shot. Raises NotFoundError for an unknown project, InvalidError for another one."""
    project_exists(session, project_id)
    if body.project_id not in (None, project_id):
        raise InvalidError.field("project_id", body.project_id, f"nothing, or {project_id} as in the path")
    return body.spec(defaults(session)).model_copy(update={"project_id": project_id})
