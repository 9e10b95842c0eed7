"""The render queue: each segment of a job is opened, claimed by a gpu run, rendered, and stored or abandoned.

A row is one attempt, and its id is the fencing token: a run whose row is no longer `processing` cannot write. A
segment has at most one completed row in each round of the quality loop; the database enforces this.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob, Stage
from db.models.rendering import Asset, RenderSegment, SegmentState
from tower.engines.base import Shot
from tower.errors import CancelledError, NotFoundError, SupersededError, TowerError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import one_line
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.rows import LIVE_SEGMENT_STATES
from tower.rendering import takes

RENDER_STARTS, RENDER_ENDS = 0.05, 0.9  # of a job's progress, 0…1
WAITING_STEP = "waiting for a worker"
_SHOT = TypeAdapter(Shot)


@dataclass(frozen=True)
class SegmentPlan:
    """One segment to render. `number` counts from 1 within the job, `round` from 1 in the quality loop."""

    number: int
    shot: Shot
    engine: str
    fingerprint: str
    reuse: bool = True
    round: int = 1


@dataclass(frozen=True)
class RenderCounts:
    """The segments of a round by state. `progress` is the sum over them, each 0…1."""

    completed: int
    rendering: int
    progress: float


@dataclass(frozen=True)
class ClipForm:
    """The size of a clip in pixels, its frames per second and its count of frames."""

    width: int
    height: int
    fps: int | float
    frames: int


def open_segment(session: Session, attempt: Attempt, plan: SegmentPlan) -> RenderSegment:
    """Open the row to render or wait for: the completed or live row of this round, or else a new attempt.

    A new attempt is completed at once if an equal take exists. It keeps the prompt_id of a crashed attempt, so that the
    engine can continue its work; after a failure that the engine reported, it gets a new prompt_id.
    """
    job = attempts.lock_held_job(session, attempt)
    rows = _list_attempts(session, job.id, plan.number)
    round_rows = [row for row in rows if row.round == plan.round]
    for row in round_rows:
        if row.state in (SegmentState.COMPLETED, *LIVE_SEGMENT_STATES):
            return row
    row = RenderSegment(
        job_id=job.id,
        segment=plan.number,
        round=plan.round,
        attempt=rows[0].attempt + 1 if rows else 1,
        prompt_id=_choose_prompt_id(job, plan, round_rows[0] if round_rows else None),
        engine=plan.engine,
        shot=asdict(plan.shot),
        fingerprint=plan.fingerprint,
    )
    if plan.reuse and (take := takes.find_take(session, plan.fingerprint)):
        _complete_with(session, row, take)
    elif not _is_rendering(session, job.id):
        job.stage, job.step = Stage.QUEUED, WAITING_STEP
    session.add(row)
    session.flush()
    return row


def record_launch(session: Session, segment_id: int, flow_run_id: uuid.UUID) -> None:
    """Record the run that renders the segment, so that it can be stopped with the job."""
    session.execute(update(RenderSegment).where(RenderSegment.id == segment_id).values(flow_run_id=flow_run_id))


def claim_segment(
    session: Session, segment_id: int, *, flow_run_id: uuid.UUID | None, worker: str, process: str
) -> RenderSegment:
    """Claim the segment for a run. The run that was launched for the segment may claim it again.

    Raises NotFoundError for an unknown segment; CancelledError or SupersededError for another run or an ended segment.
    """
    _lock_job(session, segment_id)
    row = session.get(RenderSegment, segment_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"There is no segment {segment_id}")
    if row.state not in LIVE_SEGMENT_STATES or (row.flow_run_id and row.flow_run_id != flow_run_id):
        raise _refusal_error(session, row)
    row.state = SegmentState.PROCESSING
    row.flow_run_id = flow_run_id
    row.worker = worker
    row.process = process
    row.started_at = row.started_at or func.now()
    row.heartbeat_at = func.now()
    _enter_render(session, row.job_id)
    session.flush()
    session.refresh(row)
    return row


def report_segment(session: Session, segment_id: int, *, progress: float, step: str) -> None:
    """Write the progress of the segment and of its job. Raises CancelledError or SupersededError."""
    row = _write(session, segment_id, {"progress": func.greatest(RenderSegment.progress, progress), "step": step})
    rendered = _read_rendered_share(session, row.job_id)
    session.execute(
        update(ProductionJob)
        .where(ProductionJob.id == row.job_id, ProductionJob.status.in_(LIVE_STATUSES))
        .values(
            progress=func.greatest(ProductionJob.progress, RENDER_STARTS + (RENDER_ENDS - RENDER_STARTS) * rendered),
            step=step,
            heartbeat_at=func.now(),
        ),
        execution_options={"synchronize_session": False},
    )


def complete_segment(
    session: Session, segment_id: int, *, asset: Asset, engine_version: str, remarks: Sequence[str] = ()
) -> None:
    """Complete the segment with its stored take. `remarks` become warnings of the job."""
    values = {"state": SegmentState.COMPLETED, "asset_id": asset.id, "progress": 1.0, "step": None}
    row = _write(session, segment_id, {**values, "engine_version": engine_version, "ended_at": func.now()})
    if remarks:
        job = session.get_one(ProductionJob, row.job_id, with_for_update=True, populate_existing=True)
        job.warnings = [*job.warnings, *(text for text in remarks if text not in job.warnings)]


def fail_segment(session: Session, segment_id: int, error: TowerError) -> None:
    """Fail the segment with the code and message of the error. Raises CancelledError or SupersededError."""
    values = {"state": SegmentState.FAILED, "error_code": error.code, "error_message": one_line(error.message)}
    _write(session, segment_id, {**values, "ended_at": func.now()})


def abandon_segment(session: Session, segment_id: int, reason: str, *, was_claimed: bool = True) -> bool:
    """Supersede an attempt whose run is lost, so that its late writes are refused.

    Returns False if it has ended, or been claimed although it was not `was_claimed`.
    """
    return _write_if_live(
        session,
        segment_id,
        {
            "state": SegmentState.SUPERSEDED,
            "error_code": ErrorCode.RUN_CRASHED if was_claimed else ErrorCode.RUN_NOT_STARTED,
            "error_message": one_line(reason),
            "ended_at": func.now(),
        },
        states=LIVE_SEGMENT_STATES if was_claimed else (SegmentState.QUEUED,),
    )


def read_shot(row: RenderSegment) -> Shot:
    return _SHOT.validate_python(row.shot)


def read_shots_by_round(session: Session, job_id: int) -> dict[int, Shot]:
    """The shot of the first segment in each round of the quality loop, by round."""
    rows = select(RenderSegment).filter_by(job_id=job_id, segment=1).order_by(RenderSegment.attempt)
    return {row.round: read_shot(row) for row in session.scalars(rows)}


def read_clip_form(session: Session, job: ProductionJob) -> ClipForm:
    """The size, rate and length of the job's whole clip: those of its shot, or before there is one, of its spec."""
    shot = read_shots_by_round(session, job.id).get(1)
    if shot is not None:
        return ClipForm(shot.width, shot.height, shot.fps, shot.whole_frames or shot.frames)
    spec = lifecycle.parse_spec(job)
    return ClipForm(*spec.size, spec.fps, spec.frames)


def read_render_s(session: Session, job_id: int, *, round_number: int) -> float:
    """The seconds from the start of the first segment of the round to the end of the last; 0 if all were reused."""
    took = func.max(RenderSegment.ended_at) - func.min(RenderSegment.started_at)
    rendered = (RenderSegment.state == SegmentState.COMPLETED, RenderSegment.started_at.is_not(None))
    found = session.scalar(
        select(func.extract("epoch", took)).where(
            RenderSegment.job_id == job_id, RenderSegment.round == round_number, *rendered
        )
    )
    return max(0.0, float(found or 0.0))


def count_renders(session: Session, job_id: int, *, round_number: int) -> RenderCounts:
    """Count the newest attempts at the segments of a round."""
    newest = (
        select(RenderSegment.state, RenderSegment.progress)
        .where(RenderSegment.job_id == job_id, RenderSegment.round == round_number)
        .ext(distinct_on(RenderSegment.segment))
        .order_by(RenderSegment.segment, RenderSegment.attempt.desc())
    )
    rows = session.execute(newest).all()
    states = [state for state, _ in rows]
    live = (SegmentState.COMPLETED, SegmentState.PROCESSING)
    progress = sum(progress for state, progress in rows if state in live)
    return RenderCounts(states.count(SegmentState.COMPLETED), states.count(SegmentState.PROCESSING), progress)


def _is_rendering(session: Session, job_id: int) -> bool:
    rendering = select(RenderSegment.id).filter_by(job_id=job_id, state=SegmentState.PROCESSING)
    return session.scalar(rendering.limit(1)) is not None


def _enter_render(session: Session, job_id: int) -> None:
    """Move the job of a claimed segment from the queue to the render."""
    progress = func.greatest(ProductionJob.progress, RENDER_STARTS)
    is_live = (ProductionJob.id == job_id, ProductionJob.status.in_(LIVE_STATUSES))
    session.execute(
        update(ProductionJob)
        .where(*is_live)
        .values(status=JobStatus.PROCESSING, stage=Stage.RENDER, step=None, progress=progress),
        execution_options={"synchronize_session": False},
    )


def _complete_with(session: Session, row: RenderSegment, take: Asset) -> None:
    """Complete a new row with the take of an equal shot."""
    asset = takes.share_take(session, take, job_id=row.job_id)
    row.state = SegmentState.COMPLETED
    row.asset_id = asset.id
    row.engine_version = asset.provenance["engine_version"]
    row.progress = 1.0
    row.ended_at = datetime.now(UTC)


def _list_attempts(session: Session, job_id: int, segment: int) -> list[RenderSegment]:
    """The attempts at a segment, newest first."""
    rows = select(RenderSegment).where(RenderSegment.job_id == job_id, RenderSegment.segment == segment)
    newest_first = rows.order_by(RenderSegment.attempt.desc()).execution_options(populate_existing=True)
    return list(session.scalars(newest_first))


def _choose_prompt_id(job: ProductionJob, plan: SegmentPlan, last: RenderSegment | None) -> uuid.UUID:
    if last is not None and last.state == SegmentState.SUPERSEDED:
        return last.prompt_id
    is_first = last is None and plan.number == plan.round == 1
    return job.comfyui_job_id if is_first else uuid.uuid4()


def _read_rendered_share(session: Session, job_id: int) -> float:
    """The mean progress over the newest attempt of each segment opened so far, 0…1."""
    newest = (
        select(RenderSegment.progress)
        .where(RenderSegment.job_id == job_id)
        .ext(distinct_on(RenderSegment.segment))
        .order_by(RenderSegment.segment, RenderSegment.attempt.desc())
        .subquery()
    )
    return float(session.scalar(select(func.avg(newest.c.progress))) or 0.0)


def _lock_job(session: Session, segment_id: int) -> None:
    """Lock the job of the segment. Every write locks the job first, as a cancel does, which avoids deadlocks."""
    jobs = select(ProductionJob.id).join(RenderSegment, RenderSegment.job_id == ProductionJob.id)
    session.execute(jobs.where(RenderSegment.id == segment_id).with_for_update(of=ProductionJob))


def _write(session: Session, segment_id: int, values: dict[str, Any]) -> RenderSegment:
    _lock_job(session, segment_id)
    written = _write_if_live(session, segment_id, values, states=(SegmentState.PROCESSING,))
    row = session.get_one(RenderSegment, segment_id, populate_existing=True)
    if not written:
        raise _refusal_error(session, row)
    return row


def _write_if_live(
    session: Session, segment_id: int, values: dict[str, Any], *, states: tuple[SegmentState, ...]
) -> bool:
    statement = (
        update(RenderSegment)
        .where(RenderSegment.id == segment_id, RenderSegment.state.in_(states))
        .values(heartbeat_at=func.now(), **values)
        .returning(RenderSegment.id)
    )
    return session.scalar(statement, execution_options={"synchronize_session": False}) is not None


def _refusal_error(session: Session, row: RenderSegment) -> TowerError:
    job = session.get_one(ProductionJob, row.job_id)
    if row.state == SegmentState.CANCELLED or job.status == JobStatus.CANCELLED:
        return CancelledError(f"Generation {row.job_id} was cancelled")
    return SupersededError(f"Attempt {row.attempt} of segment {row.segment} is no longer live: {row.state}")
