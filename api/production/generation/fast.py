"""Start a fast generation: one segment per second, rendered in parallel and joined."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.dependencies import CurrentSettings, DatabaseSession, RequestId
from api.http.strict_routes import strict_router
from api.production.dependencies import JobReconciler
from api.production.generation.fast_bodies import FastGenerationRequest, FastGenerationStarted
from api.production.generation.idempotency import IdempotencyKey, open_once, refuse_now_what_its_run_would
from db.models.jobs import JobType
from tower.jobs import lifecycle
from tower.jobs.analytics import estimate_s
from tower.jobs.requests import ACCEPTED, Opened, Received
from tower.presets.defaults import defaults
from tower.rendering.fast_progress import planned_segments
from tower.settings import Settings

router = strict_router(prefix="/api/anime", tags=["generation"])


@router.post(
    "/generate-fast",
    status_code=ACCEPTED,
    response_model=FastGenerationStarted,
    responses=documented(400, 404, 409, 413, 415),
)
def generate_fast(
    body: FastGenerationRequest,
    *,
    session: DatabaseSession,
    reconciler: JobReconciler,
    request_id: RequestId,
    settings: CurrentSettings,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Generate a shot in segments of one second, rendered in parallel on all GPU slots. Answers at once."""
    received = Received("POST /api/anime/generate-fast", body.as_sent(), request_id, idempotency_key)
    return open_once(session, reconciler, received, lambda: _open_job(session, body, settings))


def _open_job(session: Session, body: FastGenerationRequest, settings: Settings) -> Opened:
    spec = body.spec(defaults(session))
    refuse_now_what_its_run_would(session, spec, settings)
    plan = planned_segments(spec)
    job = lifecycle.open_job(session, spec, job_type=JobType.FAST)
    estimate = estimate_s(session, spec, job_type=JobType.FAST)
    started = FastGenerationStarted.of(job, plan, estimate_s=estimate)
    return Opened(job.id, started.model_dump(mode="json"))
