"""A metric of the visual stage, recorded beside the technical verdict."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobType, QualityMetrics
from db.models.rendering import Asset, AssetKind, QualityAssessment
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.quality.consistency import METRIC_NAME, METRIC_UNIT, MIN_SCORE, ConsistencyMetric, unmeasured_metric
from tower.quality.record import add_visual_metric, record_verdict
from tower.quality.verdict import Assessment, Metric

SHARP = Metric("frame_count", 24, "frames", 24, "equal", passed=True)


@pytest.fixture
def attempt(session: Session) -> Attempt:
    job = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.PROFESSIONAL)
    return attempts.claim_job(session, job.id, flow_run_id=None, timeout_s=60)


def take(session: Session, attempt: Attempt) -> int:
    asset = Asset(kind=AssetKind.VIDEO, path="/x.mp4", sha256="0" * 64, bytes=1, probe={}, provenance={})
    session.add(asset)
    session.flush()
    record_verdict(
        session, attempt, asset_id=asset.id, assessment=Assessment.from_metrics([SHARP], seconds=0.1, probe=None)
    )
    return asset.id


def likeness(score: float) -> ConsistencyMetric:
    passed = score >= MIN_SCORE
    return ConsistencyMetric(
        METRIC_NAME, score, METRIC_UNIT, MIN_SCORE, "min", passed, reason=None if passed else "Kai is unlike"
    )


def stages(session: Session) -> list[tuple[str, float]]:
    rows = session.scalars(select(QualityAssessment).order_by(QualityAssessment.id))
    return [(row.stage.value, row.score) for row in rows]


def test_the_final_score_is_the_lower_of_the_two(session: Session, attempt: Attempt) -> None:
    asset_id = take(session, attempt)
    final = add_visual_metric(session, attempt, asset_id=asset_id, metric=likeness(3.1), seconds=0.2)
    assert (final.score, final.passed, final.reason) == (3.1, False, f"{METRIC_NAME}: Kai is unlike.")
    stored = session.get_one(QualityMetrics, attempt.job_id)
    assert (stored.score, stored.passed, [metric["name"] for metric in stored.metrics]) == (
        3.1,
        False,
        ["frame_count", METRIC_NAME],
    )
    assert stages(session) == [("technical", 10.0), ("visual", 3.1)]


def test_a_repeated_measurement_replaces_the_earlier_one(session: Session, attempt: Attempt) -> None:
    asset_id = take(session, attempt)
    for score in (8.0, 9.0):
        final = add_visual_metric(session, attempt, asset_id=asset_id, metric=likeness(score), seconds=0.2)
    assert (final.score, final.passed) == (9.0, True)
    stored = session.get_one(QualityMetrics, attempt.job_id)
    assert [metric["value"] for metric in stored.metrics if metric["name"] == METRIC_NAME] == [9.0]


def test_a_failed_measurement_is_named_and_gives_no_verdict(session: Session, attempt: Attempt) -> None:
    asset_id = take(session, attempt)
    final = add_visual_metric(
        session, attempt, asset_id=asset_id, metric=unmeasured_metric("Kai has no reference image"), seconds=0
    )
    assert (final.score, final.passed, final.reason) == (10.0, True, None)
    [metric] = [
        metric for metric in session.get_one(QualityMetrics, attempt.job_id).metrics if metric["name"] == METRIC_NAME
    ]
    assert (metric["value"], metric["passed"], metric["reason"]) == (None, None, "Kai has no reference image")
    assert stages(session) == [("technical", 10.0)]
