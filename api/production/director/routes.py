"""Commands to the director: a fixed list of commands, each logged with its result."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession, RequestId
from api.http.strict_routes import strict_router
from api.production.dependencies import JobReconciler
from api.production.director.bodies import DirectorAnswer, DirectorCommand, SceneParameters
from api.production.generation.idempotency import IdempotencyKey, open_once, refuse_now_what_its_run_would
from api.production.generation.integrated import open_integrated, spec_for
from api.production.generation.integrated_bodies import CommandGenerationStarted
from db.models.jobs import JobType, ProductionJob
from tower.director import commands
from tower.director.commands import Told
from tower.jobs import lifecycle
from tower.jobs.analytics import estimate_s
from tower.jobs.requests import ACCEPTED, Opened, Received
from tower.settings import Settings
from tower.shots.scene_jobs import open_scene_job
from tower.versions.refs import project_exists

router = strict_router(prefix="/api/anime", tags=["director"])


@router.post(
    "/director/command",
    status_code=ACCEPTED,
    response_model=DirectorAnswer,
    responses=documented(400, 404, 409, 413, 415),
)
def command(
    body: DirectorCommand,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    settings: CurrentSettings,
    author: Author,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a scene, or a shot without a scene, with all stages. The command is recorded as a decision."""
    received = Received("POST /api/anime/director/command", body.as_sent(), request_id, idempotency_key)
    parameters = body.as_sent()["parameters"]
    command_request = Told(body.project_id, body.command, parameters, author, request_id)
    return open_once(session, reconciler, received, lambda: _run_command(session, body, command_request, settings))


def _run_command(session: Session, body: DirectorCommand, command_request: Told, settings: Settings) -> Opened:
    project_exists(session, body.project_id)
    job, summary = _open_job(session, body, settings)
    logged = commands.note(session, command_request, job, what=summary)
    spec = lifecycle.spec_of(job)
    estimate = estimate_s(session, spec, job_type=JobType.INTEGRATED)
    started = CommandGenerationStarted.of_shot(job, spec, estimate_s=estimate)
    answer = DirectorAnswer(
        **started.model_dump(),
        command=command_request.command,
        scene_id=job.scene_id,
        plan_id=logged.plan.id,
        log_id=logged.step.id,
        decision_id=logged.decision.id,
    )
    return Opened(job.id, answer.model_dump(mode="json"))


def _open_job(session: Session, body: DirectorCommand, settings: Settings) -> tuple[ProductionJob, str]:
    """The job and a short description of it."""
    parameters = body.parameters
    if not isinstance(parameters, SceneParameters):
        job, _ = open_integrated(session, spec_for(session, body.project_id, parameters), settings)
        return job, f"a shot: {parameters.prompt[:200]}"
    found = commands.scene_to_generate(session, body.project_id, parameters.scene_id)
    job = open_scene_job(
        session,
        found.row,
        settings=settings,
        quality=parameters.quality,
        engine=parameters.engine,
        overrides=parameters.overrides(),
    )
    refuse_now_what_its_run_would(session, lifecycle.spec_of(job), settings)
    return job, f"scene {found.row.scene_number} of {found.branch!r}"
