"""Renders the segments of a job: launches a run on the gpu pool for each, waits for it, and replaces a lost run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import State, Task, task
from prefect.client.schemas.objects import TaskRun
from prefect.deployments.flow_runs import arun_deployment
from prefect.runtime import flow_run

from db.models.jobs import ProductionJob, Stage
from db.models.rendering import Asset, RenderSegment, SegmentState
from tasks.progress import publish_progress
from tasks.resources import resources
from tower.engines.choice import work_queue_for
from tower.errors import CancelledError, RenderError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import one_line
from tower.jobs import attempts, lifecycle
from tower.jobs.analytics import record_stage
from tower.jobs.attempts import Attempt
from tower.jobs.flow_runs import RENDER_DEPLOYMENT, render_key, run_tags
from tower.jobs.lost_runs import MAX_UNCLAIMED, ClaimWatch, launch_delay_s
from tower.rendering import blame, segments
from tower.rendering.blame import Verdict
from tower.rendering.engine_choice import EngineVersion, choose_for_pool
from tower.rendering.render_runs import WorkerWatch, abandon_if_lost
from tower.rendering.segments import SegmentPlan
from tower.shots.cast import Cast
from tower.shots.planning import Script
from tower.shots.prompts import EnhancedPrompt
from tower.shots.scene_jobs import find_job_style
from tower.shots.script_writing import write_script

SEGMENT_RETRIES = 3  # for a segment whose run is lost
RETRY_PAUSE_S = 1.0
SegmentPlanner = Callable[[Script, EngineVersion], list[SegmentPlan]]
ROW_POLL_S = 0.25  # how often the row is read for progress
VERDICT_POLL_S, VERDICT_TIMEOUT_S = 1.0, 900.0
DOUBT_STEP = "its render failed; waiting for the next shot of the worker, which tells whether it is this shot's fault"
RUN_POLL_S = 3.0  # how often Prefect is asked whether the run is alive


class RunLostError(TowerError):
    """The run of the segment ended without writing a result."""

    code = ErrorCode.RUN_CRASHED


class RunNotStartedError(TowerError):
    """No worker began the run of the segment."""

    code = ErrorCode.RUN_NOT_STARTED


class WorkerFailedError(TowerError):
    """The segment failed, and another attempt may succeed."""


@dataclass(frozen=True)
class TakeRef:
    """A rendered file."""

    asset_id: int
    path: str


async def render_segments(attempt: Attempt, cast: Cast, words: EnhancedPrompt, plan: SegmentPlanner) -> list[TakeRef]:
    """Plan the segments and render them in parallel, as many at once as there are GPU slots. Returns them in order."""
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        engine = choose_for_pool(session, lifecycle.parse_spec(job).engine, resources().settings)
        style = find_job_style(session, job)
        script = write_script(session, job, cast, words, style=style, engine=engine)
        plans = plan(script, engine)
    if script.warnings:
        with resources().sessions.begin() as session:
            attempts.add_warnings(session, attempt, *script.warnings)
    async with publish_progress(attempt, total=len(plans), round_number=plans[0].round):
        takes = await asyncio.gather(*(render_segment(attempt, segment) for segment in plans))
    _record_render(attempt, takes, plans)
    return takes


def is_lost(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure is a lost run. Another attempt would fail with any other error."""
    return isinstance(state.data, RunLostError)


@task(
    name="render segment",
    task_run_name="render segment {plan.number}",
    retries=SEGMENT_RETRIES,
    retry_delay_seconds=1,
    retry_condition_fn=is_lost,
)
async def render_segment(attempt: Attempt, plan: SegmentPlan) -> TakeRef:
    """Render the segment. A finished take, or a live run that outlived its parent run, is used again.

    A run that no worker began, or that failed by its worker's fault, is replaced here, because it costs none of the
    retries of the task: the job waits while the worker rests.
    """
    unclaimed = 0
    is_suspected = False
    while True:
        try:
            return await _render_once(attempt, plan, goes_last=is_suspected)
        except RunNotStartedError:
            unclaimed += 1
            if unclaimed >= MAX_UNCLAIMED:
                raise
            await asyncio.sleep(launch_delay_s(unclaimed - 1))
        except WorkerFailedError as error:
            is_suspected = error.code in blame.SUSPECTED_CODES
            await asyncio.sleep(RETRY_PAUSE_S)


async def _render_once(attempt: Attempt, plan: SegmentPlan, *, goes_last: bool) -> TakeRef:
    with resources().sessions.begin() as session:
        row = segments.open_segment(session, attempt, plan)
        job = session.get_one(ProductionJob, attempt.job_id)
    if row.state != SegmentState.COMPLETED:
        try:
            await _wait_for_end(row.id, await _launch(row, job, goes_last=goes_last))
        except RenderError as error:
            if not await _deserves_another_attempt(attempt, row.id):
                raise
            _warn_of_failure(attempt, row, error)
            failed = WorkerFailedError(error.message)
            failed.code = error.code
            raise failed from error
    return _read_take(row.id)


async def _launch(row: RenderSegment, job: ProductionJob, *, goes_last: bool = False) -> UUID:
    """Create the run and return its id. For the same row, Prefect always returns the same run.

    Its place in the queue is that of the recipe, so jobs render in the order in which they were launched. One that may
    be at fault itself goes last, so that other shots try the worker first.
    """
    queue_time = None if goes_last else await asyncio.to_thread(_read_queue_time)
    run = await arun_deployment(
        RENDER_DEPLOYMENT,
        parameters={"segment_id": row.id},
        flow_run_name=f"render · job {job.id} · segment {row.segment}"
        + (f" · round {row.round}" * (row.round > 1))
        + (f" · attempt {row.attempt}" * (row.attempt > row.round)),
        tags=[*run_tags(job), f"segment:{row.segment}"],
        work_queue_name=work_queue_for(row.engine),
        idempotency_key=render_key(row),
        scheduled_time=queue_time + timedelta(microseconds=row.segment) if queue_time else None,
        timeout=0,
    )
    with resources().sessions.begin() as session:
        segments.record_launch(session, row.id, run.id)
    return run.id


def _read_queue_time() -> datetime | None:
    """The queue time of the recipe's run. None if Prefect does not answer: the render then takes the last place."""
    try:
        return resources().prefect.get_queue_time(UUID(flow_run.id)) if flow_run.id else None
    except UnavailableError:
        return None


def _warn_of_failure(attempt: Attempt, row: RenderSegment, error: RenderError) -> None:
    with resources().sessions.begin() as session:
        warning = f"Attempt {row.attempt} to render segment {row.segment} failed: {error.message}"
        attempts.add_warnings(session, attempt, one_line(warning))


async def _deserves_another_attempt(attempt: Attempt, segment_id: int) -> bool:
    """Whether the worker was at fault. While other shots wait for it, what becomes of them tells."""
    give_up_at = time.monotonic() + VERDICT_TIMEOUT_S
    while True:
        with resources().sessions.begin() as session:
            verdict = blame.judge_failure(session, session.get_one(RenderSegment, segment_id))
            if verdict is not Verdict.WAIT or time.monotonic() > give_up_at:
                return verdict is Verdict.RETRY
            attempts.report_progress(session, attempt, step=DOUBT_STEP)
        await asyncio.sleep(VERDICT_POLL_S)


def _build_error(message: str | None, code: str | None) -> RenderError:
    """The error that the run of the segment recorded. An engine may have its own codes."""
    error = RenderError(message or "The engine gave no reason")
    error.code = code or error.code
    return error


async def _wait_for_end(segment_id: int, flow_run_id: UUID) -> None:
    """Wait until the segment is completed.

    Raises RunLostError, RunNotStartedError, CancelledError or RenderError.
    """
    checked_at, watch, worker_watch = 0.0, ClaimWatch(), WorkerWatch()
    while True:
        row = _read_segment(segment_id)
        if row.state == SegmentState.COMPLETED:
            return
        if row.state == SegmentState.FAILED:
            raise _build_error(row.error_message, row.error_code)
        if row.state == SegmentState.SUPERSEDED:  # by an earlier run of the recipe, which still watched it
            raise RunLostError(f"The run of segment {row.segment} was given up")
        if row.state == SegmentState.CANCELLED:
            raise CancelledError(f"Segment {row.segment} of generation {row.job_id} was cancelled")
        if time.monotonic() - checked_at > RUN_POLL_S:
            await _check_alive(row, flow_run_id, watch, worker_watch)
            checked_at = time.monotonic()
        await asyncio.sleep(ROW_POLL_S)


async def _check_alive(row: RenderSegment, flow_run_id: UUID, watch: ClaimWatch, worker_watch: WorkerWatch) -> None:
    found = resources()
    try:
        lost = await asyncio.to_thread(
            abandon_if_lost,
            *(found.sessions, found.prefect, row, flow_run_id),
            watch=watch,
            worker_watch=worker_watch,
        )
    except UnavailableError:
        return  # Prefect does not answer: check the run again later
    if lost is not None:
        message = f"The render run of segment {row.segment} is lost: {lost.reason}"
        raise RunLostError(message) if lost.was_claimed else RunNotStartedError(message)


def _read_segment(segment_id: int) -> RenderSegment:
    with resources().sessions() as session:
        return session.get_one(RenderSegment, segment_id)


def _read_take(segment_id: int) -> TakeRef:
    with resources().sessions() as session:
        asset = session.get_one(Asset, session.get_one(RenderSegment, segment_id).asset_id)
        return TakeRef(asset.id, asset.path)


def _record_render(attempt: Attempt, takes: Sequence[TakeRef], plans: Sequence[SegmentPlan]) -> None:
    """Record the duration of the render, from the moment when a worker took its first segment."""
    round_number = plans[0].round
    with resources().sessions.begin() as session:
        record_stage(
            session,
            attempt,
            Stage.RENDER,
            seconds=segments.read_render_s(session, attempt.job_id, round_number=round_number),
            bytes=sum(session.get_one(Asset, take.asset_id).bytes for take in takes),
            frames=sum(plan.shot.frames for plan in plans),
            engine=plans[0].engine,
            round=round_number,
        )
