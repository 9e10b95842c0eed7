"""What webhooks report: that a job ended, or that a film is in the library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, ProductionJob
from db.models.publications import Publication
from db.models.webhooks import WebhookEvent
from tower.webhooks import outbox

EVENTS_BY_STATUS: Mapping[JobStatus, WebhookEvent] = {
    JobStatus.COMPLETED: WebhookEvent.COMPLETED,
    JobStatus.FAILED: WebhookEvent.FAILED,
    JobStatus.MERGE_FAILED: WebhookEvent.FAILED,
}
MAX_PROMPT_LENGTH = 500
_JOB = select(
    ProductionJob.id.label("job_id"),
    ProductionJob.comfyui_job_id.label("id"),
    ProductionJob.job_type,
    ProductionJob.status,
    ProductionJob.project_id,
    ProductionJob.scene_id,
    ProductionJob.parameters["episode_key"].astext.label("episode_id"),
    ProductionJob.prompt,
    ProductionJob.quality_score,
    ProductionJob.error_code,
    ProductionJob.error_message.label("error"),
    ProductionJob.created_at,
    ProductionJob.ended_at,
)


def record_job_end(session: Session, job_id: int) -> None:
    """Write the calls for a job that has just ended. A cancelled job makes none."""
    status = session.scalars(select(ProductionJob.status).where(ProductionJob.id == job_id)).one()
    event = EVENTS_BY_STATUS.get(status)
    if event is None or not outbox.wants_event(session, event):
        return
    data: dict[str, Any] = dict(session.execute(_JOB.where(ProductionJob.id == job_id)).mappings().one())
    data["prompt"] = data["prompt"][:MAX_PROMPT_LENGTH]
    outbox.record_event(session, event, data, project_id=data["project_id"])


def record_publication(session: Session, row: Publication) -> None:
    """Write the calls for a film that has just been put into the library."""
    data = {
        "publication_id": row.id,
        "episode_id": row.episode_key,
        "project_id": row.project_id,
        "series": row.request["series"]["name"],
        "season": row.season,
        "episode_number": row.number,
        "title": row.request["title"],
        "duration_seconds": row.probe["duration_s"],
        "sha256": row.sha256,
        "is_marked": row.mark_id is not None,
        "published_at": row.published_at,
    }
    outbox.record_event(session, WebhookEvent.PUBLISHED, data, project_id=row.project_id)
