"""The render queue with a real database."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import JobType, ProductionJob
from db.models.rendering import Asset, AssetKind, RenderSegment, SegmentState
from tests.concurrency import run_concurrently
from tower.engines.base import CastMember, Shot
from tower.errors import CancelledError, RenderError, SupersededError
from tower.errors.codes import ErrorCode
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.rendering import segments
from tower.rendering.segments import SegmentPlan

SHOT = Shot(
    prompt="neon city",
    negative_prompt="blurry",
    seed=7,
    width=512,
    height=512,
    fps=24,
    frames=72,
    cast=(CastMember("Kai", traits={"hair": "black"}),),
)


def plan(number: int = 1) -> SegmentPlan:
    return SegmentPlan(number, SHOT, "animatic", "f" * 64)


def create_attempt(session: Session) -> Attempt:
    job = lifecycle.open_job(session, GenerationSpec(prompt="neon city"), job_type=JobType.STANDARD)
    return attempts.claim_job(session, job.id, flow_run_id=uuid.uuid4(), timeout_s=60)


@pytest.fixture
def attempt(session: Session) -> Attempt:
    return create_attempt(session)


@pytest.fixture
def row(session: Session, attempt: Attempt) -> RenderSegment:
    return segments.open_segment(session, attempt, plan())


def claim(session: Session, row: RenderSegment, run: uuid.UUID | None = None) -> RenderSegment:
    return segments.claim_segment(session, row.id, flow_run_id=run or uuid.uuid4(), worker="gpu@box", process="box:1")


def write_take_file(folder: Path) -> Path:
    """A file of one byte, which matches the size of the assets here."""
    file = folder / "a.mp4"
    file.write_bytes(b"x")
    return file


def take(session: Session, row: RenderSegment, file: Path) -> Asset:
    asset = Asset(
        kind=AssetKind.VIDEO,
        path=str(file),
        sha256="a" * 64,
        bytes=1,
        probe={},
        provenance={"engine": "animatic", "engine_version": "1"},
        job_id=row.job_id,
    )
    session.add(asset)
    session.flush()
    return asset


def complete(session: Session, row: RenderSegment, file: Path = Path("/r/a.mp4")) -> None:
    segments.complete_segment(session, row.id, asset=take(session, row, file), engine_version="1")


def test_a_planned_shot_is_stored_unchanged(session: Session, row: RenderSegment) -> None:
    session.refresh(row)
    assert segments.read_shot(row) == SHOT


def test_the_first_segment_has_the_jobs_prompt_id(session: Session, row: RenderSegment, attempt: Attempt) -> None:
    assert row.prompt_id == session.get_one(ProductionJob, attempt.job_id).comfyui_job_id
    assert segments.open_segment(session, attempt, plan(2)).prompt_id != row.prompt_id


def test_a_running_segment_is_awaited_and_not_opened_again(
    session: Session, row: RenderSegment, attempt: Attempt
) -> None:
    claim(session, row)
    assert segments.open_segment(session, attempt, plan()).id == row.id


def test_a_completed_segment_is_reused(session: Session, row: RenderSegment, attempt: Attempt) -> None:
    claim(session, row)
    complete(session, row)
    assert segments.open_segment(session, attempt, plan()).id == row.id


def test_after_a_crash_the_prompt_id_is_kept_and_the_old_run_is_refused(
    session: Session, row: RenderSegment, attempt: Attempt
) -> None:
    claim(session, row)
    assert segments.abandon_segment(session, row.id, "its process was killed")
    reopened = segments.open_segment(session, attempt, plan())
    assert (reopened.attempt, reopened.prompt_id) == (2, row.prompt_id)
    with pytest.raises(SupersededError):
        complete(session, row)
    with pytest.raises(SupersededError):
        segments.report_segment(session, row.id, progress=0.9, step="frame 70 of 72")


def test_after_an_engine_failure_the_prompt_id_is_new(session: Session, row: RenderSegment, attempt: Attempt) -> None:
    claim(session, row)
    segments.fail_segment(session, row.id, RenderError("out of memory", code=ErrorCode.COMFYUI_OOM))
    reopened = segments.open_segment(session, attempt, plan())
    assert (reopened.attempt, reopened.prompt_id != row.prompt_id) == (2, True)


def test_only_the_run_launched_for_a_segment_may_claim_it(session: Session, row: RenderSegment) -> None:
    launched = uuid.uuid4()
    segments.record_launch(session, row.id, launched)
    session.refresh(row)
    with pytest.raises(SupersededError):
        claim(session, row)
    assert claim(session, row, launched).state == SegmentState.PROCESSING
    assert claim(session, row, launched).worker == "gpu@box"


def test_a_finished_segment_cannot_be_abandoned(session: Session, row: RenderSegment) -> None:
    claim(session, row)
    complete(session, row)
    assert not segments.abandon_segment(session, row.id, "late news of a death")


def test_cancelling_the_job_stops_its_segments(session: Session, row: RenderSegment, attempt: Attempt) -> None:
    claim(session, row)
    lifecycle.cancel_job(session, attempt.job_id)
    with pytest.raises(CancelledError):
        segments.report_segment(session, row.id, progress=0.5, step="frame 36 of 72")
    with pytest.raises(CancelledError):
        segments.open_segment(session, attempt, plan())


def test_a_jobs_progress_is_the_mean_of_its_segments(session: Session, row: RenderSegment, attempt: Attempt) -> None:
    other = segments.open_segment(session, attempt, plan(2))
    claim(session, row)
    claim(session, other)
    segments.report_segment(session, row.id, progress=1.0, step="frame 72 of 72")
    segments.report_segment(session, other.id, progress=0.5, step="frame 36 of 72")
    job = session.get_one(ProductionJob, attempt.job_id, populate_existing=True)
    share = (job.progress - segments.RENDER_STARTS) / (segments.RENDER_ENDS - segments.RENDER_STARTS)
    assert share == pytest.approx(0.75)
    assert job.step == "frame 36 of 72"


def test_the_database_rejects_a_second_take_of_a_segment(
    session: Session, row: RenderSegment, attempt: Attempt
) -> None:
    claim(session, row)
    complete(session, row)
    twin = RenderSegment(
        job_id=row.job_id,
        segment=1,
        attempt=2,
        state=SegmentState.COMPLETED,
        prompt_id=uuid.uuid4(),
        engine="animatic",
        shot={},
        fingerprint="f",
        asset_id=take(session, row, Path("/r/a.mp4")).id,
    )
    session.add(twin)
    with pytest.raises(IntegrityError, match="uq_render_queue_one_take"):
        session.flush()


def test_an_equal_take_is_reused_and_belongs_to_the_new_job(session: Session, tmp_path: Path) -> None:
    first = create_attempt(session)
    row = segments.open_segment(session, first, plan())
    claim(session, row)
    complete(session, row, file=write_take_file(tmp_path))
    second = create_attempt(session)
    reopened = segments.open_segment(session, second, plan())
    assert reopened.state == SegmentState.COMPLETED
    assert reopened.asset_id is not None
    asset = session.get_one(Asset, reopened.asset_id)
    assert (asset.job_id, asset.path) == (second.job_id, str(tmp_path / "a.mp4"))
    assert asset.provenance["reused_from_asset"] == row.asset_id


def test_a_forced_render_or_a_lost_file_is_rendered_again(session: Session, tmp_path: Path) -> None:
    first = create_attempt(session)
    row = segments.open_segment(session, first, plan())
    claim(session, row)
    complete(session, row, file=write_take_file(tmp_path))
    forced = segments.open_segment(session, create_attempt(session), replace(plan(), reuse=False))
    assert forced.state == SegmentState.QUEUED
    (tmp_path / "a.mp4").unlink()
    assert segments.open_segment(session, create_attempt(session), plan()).state == SegmentState.QUEUED


def test_a_concurrent_cancel_and_report_do_not_block_each_other(sessions: SessionFactory) -> None:
    """Both write to the job and to its segment. In either order, the database aborts neither of them."""
    for _ in range(15):
        with sessions.begin() as session:
            attempt = create_attempt(session)
            row = segments.open_segment(session, attempt, plan())
            claim(session, row)
        run_concurrently(
            sessions,
            partial(segments.report_segment, segment_id=row.id, progress=0.5, step="frame 36 of 72"),
            partial(lifecycle.cancel_job, job_id=attempt.job_id),
        )
