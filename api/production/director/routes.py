"""Commands to the director: a fixed list of commands, each logged with its result."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, RequestId
from api.http.strict_routes import strict_router
from api.production.dependencies import CurrentStudio, JobReconciler
from api.production.director.bodies import DirectorAnswer, DirectorCommand, SceneParameters
from api.production.generation.idempotency import IdempotencyKey, open_idempotently
from api.production.generation.integrated import decide_for_project, open_integrated_job
from api.production.generation.integrated_bodies import CommandGenerationStarted
from db.models.jobs import ProductionJob
from tower.director import commands
from tower.director.commands import IssuedCommand
from tower.jobs import lifecycle
from tower.jobs.requests import ACCEPTED_STATUS, IncomingRequest, JobOpened
from tower.rendering.forecast import forecast_job
from tower.rendering.studio import Studio
from tower.shots.preflight import check_job_can_render
from tower.shots.scene_jobs import open_scene_job
from tower.versions.refs import check_project_exists

router = strict_router(prefix="/api/anime", tags=["director"])


@router.post(
    "/director/command",
    status_code=ACCEPTED_STATUS,
    response_model=DirectorAnswer,
    responses=error_responses(400, 404, 409, 413, 415),
)
def command(
    body: DirectorCommand,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    studio: CurrentStudio,
    author: Author,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a scene, or a shot without a scene, with all stages. The command is recorded as a decision."""
    received = IncomingRequest("POST /api/anime/director/command", body.sent_fields(), request_id, idempotency_key)
    parameters = body.sent_fields()["parameters"]
    command_request = IssuedCommand(body.project_id, body.command, parameters, author, request_id)
    return open_idempotently(
        session, reconciler, received, lambda: _run_command(session, body, command_request, studio)
    )


def _run_command(session: Session, body: DirectorCommand, command_request: IssuedCommand, studio: Studio) -> JobOpened:
    check_project_exists(session, body.project_id)
    job, summary = _open_job(session, body, studio)
    logged = commands.log_command(session, command_request, job, subject=summary)
    spec = lifecycle.parse_spec(job)
    started = CommandGenerationStarted.of_shot(job, spec, forecast=forecast_job(session, job, studio))
    answer = DirectorAnswer(
        **started.model_dump(),
        command=command_request.command,
        scene_id=job.scene_id,
        plan_id=logged.plan.id,
        log_id=logged.step.id,
        decision_id=logged.decision.id,
    )
    return JobOpened(job.id, answer.model_dump(mode="json"))


def _open_job(session: Session, body: DirectorCommand, studio: Studio) -> tuple[ProductionJob, str]:
    """The job and a short description of it."""
    parameters = body.parameters
    if not isinstance(parameters, SceneParameters):
        job = open_integrated_job(session, decide_for_project(session, body.project_id, parameters), studio)
        return job, f"a shot: {parameters.prompt[:200]}"
    found = commands.find_project_scene(session, body.project_id, parameters.scene_id)
    job = open_scene_job(
        session,
        found.row,
        settings=studio.settings,
        quality=parameters.quality,
        engine=parameters.engine,
        overrides=parameters.overrides(),
    )
    check_job_can_render(session, job, studio)
    return job, f"scene {found.row.scene_number} of {found.branch!r}"
