"""The words of the progress artifact, and the counts behind it."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType
from db.models.rendering import SegmentState
from tasks.progress import describe
from tower.engines.base import Shot
from tower.jobs import attempts, lifecycle
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.segments import RenderCounts, SegmentPlan, count_renders

SHOT = Shot(prompt="x", negative_prompt="", seed=1, width=256, height=256, fps=24, frames=24)


@pytest.mark.parametrize(
    ("completed", "rendering", "total", "words"),
    [
        (0, 0, 1, "queued"),
        (0, 1, 1, "rendering 1 of 1"),
        (1, 0, 1, "rendered"),
        (2, 1, 5, "rendering 3 of 5"),
        (2, 0, 5, "rendered 2 of 5, the next is queued"),
        (5, 0, 5, "rendered all 5"),
    ],
)
def test_the_artifact_says_what_the_renders_do(completed: int, rendering: int, total: int, words: str) -> None:
    assert describe(RenderCounts(completed, rendering, 0.0), total) == words


def test_the_newest_attempt_of_each_segment_counts(session: Session) -> None:
    job = lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.FAST)
    attempt = attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
    plans = [SegmentPlan(number, SHOT, "animatic", f"{number:064d}", reuse=False) for number in (1, 2)]
    first, second = (segments.open_segment(session, attempt, plan) for plan in plans)
    assert count_renders(session, job.id, round_number=1) == RenderCounts(0, 0, 0.0)
    first.state = SegmentState.SUPERSEDED
    session.flush()
    again = segments.open_segment(session, attempt, plans[0])
    segments.claim_segment(session, again.id, flow_run_id=uuid.uuid4(), worker="gpu@box", process="p")
    segments.report_segment(session, again.id, progress=0.5, step="frame 12 of 24")
    assert count_renders(session, job.id, round_number=1) == RenderCounts(0, 1, 0.5)
    assert second.state == SegmentState.QUEUED
