"""The quality loop plans rounds and keeps the best one. No round overwrites the render or verdict of another."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import GenerationAnalytics, JobType, ProductionJob, QualityMetrics, Stage
from db.models.rendering import Asset, AssetKind, QualityAssessment, SegmentState
from tower.engines.base import Shot
from tower.jobs import attempts, lifecycle
from tower.jobs.analytics import record_stage
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.quality.adjustments import UNCHANGED, Adjustment
from tower.quality.record import choose_final_verdict, record_verdict
from tower.quality.rounds import (
    ROUND_STEPS,
    RoundResult,
    best_round,
    completed_rounds,
    kept_round_number,
    needs_another_round,
    next_adjustment,
)
from tower.quality.verdict import Assessment, Metric
from tower.rendering import segments
from tower.rendering.engine_choice import EngineVersion
from tower.rendering.segments import SegmentPlan
from tower.shots.cast import Cast
from tower.shots.planning import Script, plan_round
from tower.shots.prompts import EnhancedPrompt

SHOT = Shot("neon city", "", seed=7, width=256, height=256, fps=24, frames=24)
SPEC = GenerationSpec(prompt="neon city", width=256, height=256)
SCRIPT = Script(SPEC, Cast(), EnhancedPrompt("neon city", "", "rules"), 7, "m", SPEC.preset)
ANIMATIC = EngineVersion("animatic", "1")


def build_result(number: int, *failed: str, score: float = 1.0, clip: bool = True) -> RoundResult:
    passed = not failed and clip
    return RoundResult(number, number if clip else None, "/x.mp4" if clip else None, score, passed, "No.", failed)


@pytest.fixture
def attempt(session: Session) -> Attempt:
    job = lifecycle.open_job(session, GenerationSpec(prompt="neon city"), job_type=JobType.INTEGRATED)
    return attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)


def plan(round_number: int) -> SegmentPlan:
    return SegmentPlan(1, SHOT, "animatic", f"{round_number}" * 64, round=round_number)


def complete_with_asset(session: Session, segment_id: int, job_id: int, file: Path) -> int:
    segments.claim_segment(session, segment_id, flow_run_id=uuid.uuid4(), worker="gpu@box", process="box:1")
    asset = Asset(kind=AssetKind.VIDEO, path=str(file), sha256="a" * 64, bytes=1, probe={}, provenance={})
    asset.job_id = job_id
    session.add(asset)
    session.flush()
    segments.complete_segment(session, segment_id, asset=asset, engine_version="1")
    return asset.id


def verdict(value: float) -> Assessment:
    metric = Metric("black_share", value, "of frames", 0.25, "max", value <= 0.25, reason="too black")
    return Assessment.from_metrics([metric], seconds=0.1, probe=None)


def test_rounds_continue_until_one_passes_or_three_have_failed() -> None:
    assert needs_another_round([])
    assert needs_another_round([build_result(1, "black_share")])
    assert not needs_another_round([build_result(1, "black_share"), build_result(2)])
    assert not needs_another_round([build_result(number, "black_share") for number in (1, 2, 3)])


def test_adjustments_of_all_rejections_add_up() -> None:
    assert next_adjustment([]) == UNCHANGED
    assert next_adjustment([build_result(1, "flash_share"), build_result(2, "black_share")]) == Adjustment(
        seed=1, steps=1, overlap=1
    )


def test_the_best_round_passed_or_has_the_highest_score_and_the_first_of_equals_wins() -> None:
    bad = [
        build_result(1, "black_share", score=1.2),
        build_result(2, "frozen_run", score=2.2),
        build_result(3, "black_share", score=2.2),
    ]
    assert best_round(bad) == bad[1]
    assert best_round([*bad[:2], build_result(3, score=6.0)]) == build_result(3, score=6.0)
    assert best_round([build_result(1, clip=False), bad[0]]) == bad[0]
    assert best_round([build_result(1, clip=False)]) is None


def test_a_round_is_planned_from_the_earlier_rejections() -> None:
    [first] = plan_round(SCRIPT, ANIMATIC, rounds=[])
    [second] = plan_round(SCRIPT, ANIMATIC, rounds=[build_result(1, "black_share")])
    assert (first.round, first.shot.seed, second.round) == (1, 7, 2)
    assert second.shot.seed != 7
    assert second.fingerprint != first.fingerprint
    assert [plan_round(SCRIPT, ANIMATIC, rounds=[build_result(1, "black_share")])] == [[second]]


def test_a_rejected_take_is_not_reused_when_the_shot_stays_the_same() -> None:
    [first] = plan_round(SCRIPT, ANIMATIC, rounds=[])
    [same] = plan_round(SCRIPT, ANIMATIC, rounds=[build_result(1, "frame_count")])
    [other] = plan_round(SCRIPT, ANIMATIC, rounds=[build_result(1, "black_share")])
    assert (same.shot, same.fingerprint) == (first.shot, first.fingerprint)
    assert (first.reuse, same.reuse, other.reuse) == (True, False, True)


def test_each_round_has_its_own_completed_row(session: Session, attempt: Attempt, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    rows = []
    for number in (1, 2):
        row = segments.open_segment(session, attempt, plan(number))
        complete_with_asset(session, row.id, attempt.job_id, tmp_path / "a.mp4")
        rows.append(row)
        assert segments.open_segment(session, attempt, plan(number)).id == row.id
    assert [(row.round, row.attempt) for row in rows] == [(1, 1), (2, 2)]
    assert rows[0].prompt_id == session.get_one(ProductionJob, attempt.job_id).comfyui_job_id != rows[1].prompt_id
    assert set(segments.read_shots_by_round(session, attempt.job_id)) == {1, 2}


def test_a_crashed_round_is_resumed_with_its_own_prompt_id(session: Session, attempt: Attempt) -> None:
    first = segments.open_segment(session, attempt, plan(1))
    segments.abandon_segment(session, first.id, "its process was killed")
    second = segments.open_segment(session, attempt, plan(2))
    segments.abandon_segment(session, second.id, "its process was killed")
    reopened = segments.open_segment(session, attempt, plan(2))
    assert (reopened.state, reopened.attempt, reopened.prompt_id) == (SegmentState.QUEUED, 3, second.prompt_id)
    assert reopened.prompt_id != first.prompt_id


def test_each_round_keeps_its_verdict_and_the_best_one_becomes_final(session: Session, attempt: Attempt) -> None:
    for number, value in ((1, 0.5), (2, 1.0)):
        record_verdict(session, attempt, asset_id=None, assessment=verdict(value), round_number=number)
    rows = session.scalars(select(QualityAssessment).filter_by(job_id=attempt.job_id).order_by(QualityAssessment.round))
    assert [(row.round, row.passed, row.score) for row in rows] == [(1, False, 2.5), (2, False, 1.25)]
    final = session.get_one(QualityMetrics, attempt.job_id)
    assert final.score == 1.25
    choose_final_verdict(session, attempt, round_number=1)
    session.refresh(final)
    assert (final.score, final.passed, final.metrics[0]["value"]) == (2.5, False, 0.5)


def test_the_cost_of_each_round_is_stored(session: Session, attempt: Attempt) -> None:
    for number in (1, 2):
        record_stage(session, attempt, Stage.RENDER, seconds=number, round=number)
    rows = session.scalars(select(GenerationAnalytics).filter_by(job_id=attempt.job_id)).all()
    assert sorted((row.round, row.seconds) for row in rows) == [(1, 1.0), (2, 2.0)]


def test_rounds_are_read_back_from_the_job_unchanged(session: Session, attempt: Attempt) -> None:
    rounds = [build_result(1, "black_share", "black_run"), build_result(2)]
    for result in rounds:
        ROUND_STEPS[result.number - 1].write(session, attempt, result)
    job = session.get_one(ProductionJob, attempt.job_id, populate_existing=True)
    assert (completed_rounds(job), kept_round_number(job)) == (rounds, None)
    attempts.record_step(session, attempt, "cast", {})
    for step in ROUND_STEPS:
        step.forget(session, attempt)
    session.refresh(job)
    assert job.steps == {"cast": {}}
