"""Keeps the verdict on a take: one row for each attempt and stage, and the job's final metrics."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import QualityMetrics
from db.models.rendering import QualityAssessment, QualityStage
from tower.jobs import Attempt, held
from tower.quality.verdict import Assessment


def record_verdict(session: Session, attempt: Attempt, *, asset_id: int, assessment: Assessment) -> None:
    """Store the technical verdict of this attempt; judged again, it replaces the one before. Fenced as all writes."""
    held(session, attempt)
    verdict: dict[str, Any] = {
        "score": assessment.score,
        "passed": assessment.passed,
        "metrics": assessment.as_json()["metrics"],
    }
    row = verdict | {
        "job_id": attempt.job_id,
        "asset_id": asset_id,
        "attempt": attempt.number,
        "stage": QualityStage.TECHNICAL,
        "reason": assessment.reason,
        "seconds": assessment.seconds,
    }
    assessment_id = session.scalar(
        insert(QualityAssessment)
        .values(row)
        .on_conflict_do_update(index_elements=["job_id", "attempt", "stage", "segment"], set_=row)
        .returning(QualityAssessment.id)
    )
    final = verdict | {"job_id": attempt.job_id, "assessment_id": assessment_id}
    session.execute(insert(QualityMetrics).values(final).on_conflict_do_update(index_elements=["job_id"], set_=final))
