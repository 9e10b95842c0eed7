"""Stores the verdict on a take: one row per attempt, round and stage, and the job's final metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import QualityMetrics
from db.models.rendering import QualityAssessment, QualityStage
from tower.jobs.attempts import Attempt, lock_held_job
from tower.quality.verdict import Assessment, Metric


@dataclass(frozen=True)
class FinalVerdict:
    """The final verdict of a job. `reason`: why the added metric failed."""

    score: float
    passed: bool
    reason: str | None


def record_verdict(
    session: Session, attempt: Attempt, *, asset_id: int | None, assessment: Assessment, round_number: int = 1
) -> None:
    """Store the technical verdict of this attempt and round, which replaces an earlier one.

    It becomes the job's final verdict. Fenced like all writes of a job.
    """
    lock_held_job(session, attempt)
    verdict: dict[str, Any] = {
        "score": assessment.score,
        "passed": assessment.passed,
        "metrics": assessment.as_json()["metrics"],
    }
    row = verdict | {
        "job_id": attempt.job_id,
        "asset_id": asset_id,
        "attempt": attempt.number,
        "round": round_number,
        "stage": QualityStage.TECHNICAL,
        "reason": assessment.reason,
        "seconds": assessment.seconds,
    }
    assessment_id = session.scalar(
        insert(QualityAssessment)
        .values(row)
        .on_conflict_do_update(index_elements=["job_id", "attempt", "round", "stage", "segment"], set_=row)
        .returning(QualityAssessment.id)
    )
    _store_final(session, verdict | {"job_id": attempt.job_id, "assessment_id": assessment_id})


def choose_final_verdict(session: Session, attempt: Attempt, *, round_number: int) -> None:
    """Make the verdict on the take of this round the job's final one."""
    lock_held_job(session, attempt)
    kept = session.scalars(
        select(QualityAssessment)
        .filter_by(job_id=attempt.job_id, round=round_number, stage=QualityStage.TECHNICAL, segment=0)
        .order_by(QualityAssessment.attempt.desc())
        .limit(1)
    ).one()
    verdict = {"score": kept.score, "passed": kept.passed, "metrics": kept.metrics}
    _store_final(session, verdict | {"job_id": attempt.job_id, "assessment_id": kept.id})


def add_visual_metric(
    session: Session, attempt: Attempt, *, asset_id: int, metric: Metric, seconds: float
) -> FinalVerdict:
    """Add a metric of the visual stage to the job's final verdict, which becomes the worse of the two.

    A metric that could not be measured is only listed there; it does not get a row of its own.
    """
    lock_held_job(session, attempt)
    kept = session.get_one(QualityMetrics, attempt.job_id, populate_existing=True)
    verdict = Assessment.from_metrics([metric], seconds=seconds, probe=None)
    if metric.passed is not None:
        row = {
            "job_id": attempt.job_id,
            "asset_id": asset_id,
            "attempt": attempt.number,
            "stage": QualityStage.VISUAL,
            "score": verdict.score,
            "passed": verdict.passed,
            "metrics": verdict.as_json()["metrics"],
            "reason": verdict.reason,
            "seconds": verdict.seconds,
        }
        unique = ["job_id", "attempt", "round", "stage", "segment"]
        session.execute(insert(QualityAssessment).values(row).on_conflict_do_update(index_elements=unique, set_=row))
    others = [other for other in kept.metrics if other["name"] != metric.name]
    technical = session.get_one(QualityAssessment, kept.assessment_id)
    final = FinalVerdict(min(technical.score, verdict.score), technical.passed and verdict.passed, verdict.reason)
    kept.score, kept.passed, kept.metrics = final.score, final.passed, [*others, metric.as_json()]
    session.flush()
    return final


def _store_final(session: Session, final: dict[str, Any]) -> None:
    session.execute(insert(QualityMetrics).values(final).on_conflict_do_update(index_elements=["job_id"], set_=final))
