"""Start a fast generation: one segment per second, rendered in parallel and joined."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, RequestId
from api.http.strict_routes import strict_router
from api.production.dependencies import CurrentStudio, JobReconciler
from api.production.generation.fast_bodies import FastGenerationRequest, FastGenerationStarted
from api.production.generation.idempotency import IdempotencyKey, open_idempotently
from db.models.jobs import JobType
from tower.jobs.production import decide_spec, open_decided_job
from tower.jobs.requests import ACCEPTED_STATUS, IncomingRequest, JobOpened
from tower.rendering.fast_progress import plan_segments
from tower.rendering.forecast import forecast_job
from tower.rendering.studio import Studio
from tower.shots.preflight import check_job_can_render

router = strict_router(prefix="/api/anime", tags=["generation"])


@router.post(
    "/generate-fast",
    status_code=ACCEPTED_STATUS,
    response_model=FastGenerationStarted,
    responses=error_responses(400, 404, 409, 413, 415),
)
def generate_fast(
    body: FastGenerationRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    studio: CurrentStudio,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot in segments of one second, rendered in parallel on all GPU slots. Answers at once."""
    received = IncomingRequest("POST /api/anime/generate-fast", body.sent_fields(), request_id, idempotency_key)
    return open_idempotently(session, reconciler, received, lambda: _open_job(session, body, studio))


def _open_job(session: Session, body: FastGenerationRequest, studio: Studio) -> JobOpened:
    decided = decide_spec(session, body.named_fields())
    plan = plan_segments(decided.spec)
    job = open_decided_job(session, decided, job_type=JobType.FAST)
    check_job_can_render(session, job, studio)
    started = FastGenerationStarted.of(job, plan, forecast=forecast_job(session, job, studio))
    return JobOpened(job.id, started.model_dump(mode="json"))
