"""Rendering, as the recipe sees it: a run on the gpu pool for each segment, waited for, begun again if it is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect import State, Task, task
from prefect.client.schemas.objects import TaskRun
from prefect.deployments.flow_runs import arun_deployment

from db.models.jobs import ProductionJob, Stage
from db.models.rendering import Asset, RenderSegment, SegmentState
from tasks.jobs import stage
from tasks.resources import resources
from tower.engines.choice import queue_of
from tower.errors import CancelledError, RenderError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.flow_runs import RENDER, tags
from tower.jobs.lifecycle import Attempt
from tower.rendering import segments
from tower.rendering.engine_choice import EngineName, chosen_by_pool
from tower.rendering.segments import SegmentPlan
from tower.rendering.workers import is_workers_fault
from tower.shots.cast import Cast
from tower.shots.planning import Script
from tower.shots.prompts import EnhancedPrompt
from tower.shots.scene_jobs import style_of_job
from tower.shots.script_writing import write_script

MORE_ATTEMPTS = 3  # at a segment whose run or worker failed
Planner = Callable[[Script, EngineName], list[SegmentPlan]]
ROW_POLL_S, RUN_POLL_S = 0.25, 3.0  # the row tells of progress, Prefect only of a death


class RunLostError(TowerError):
    """The run that rendered the segment died without a word."""

    code = ErrorCode.RUN_CRASHED


@dataclass(frozen=True)
class Take:
    """A rendered file."""

    asset_id: int
    path: str


async def render(attempt: Attempt, cast: Cast, words: EnhancedPrompt, plan: Planner) -> list[Take]:
    """Plan the segments and render them side by side, as many at once as there are GPU slots. In their order."""
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        engine = chosen_by_pool(session, lifecycle.spec_of(job).engine, resources().settings)
        style = style_of_job(session, job)
        plans = plan(write_script(session, job, cast, words, style=style, engine=engine), engine)
    with stage(attempt, Stage.RENDER, progress=segments.RENDER_STARTS) as measured:
        takes = await asyncio.gather(*(render_segment(attempt, segment) for segment in plans))
        measured.update(_measured(takes, plans))
    return takes


def another_might_do_it(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """What is worth another attempt: a dead run, a worker's own fault. What was refused would be refused again."""
    error = state.data
    return isinstance(error, RunLostError) or (isinstance(error, TowerError) and is_workers_fault(error))


@task(
    name="render segment",
    task_run_name="render segment {plan.number}",
    retries=MORE_ATTEMPTS,
    retry_delay_seconds=1,
    retry_condition_fn=another_might_do_it,
)
async def render_segment(attempt: Attempt, plan: SegmentPlan) -> Take:
    """The take of this segment: there already, being made by a run that outlived its parent, or made anew."""
    with resources().sessions.begin() as session:
        row = segments.open_segment(session, attempt, plan)
        job = session.get_one(ProductionJob, attempt.job_id)
    if row.state != SegmentState.COMPLETED:
        await _wait(row.id, await _launch(row, job))
    return _take(row.id)


async def _launch(row: RenderSegment, job: ProductionJob) -> UUID:
    """Ask for the run, and say which it is. Asked again for the same row, Prefect gives back the same run."""
    run = await arun_deployment(
        RENDER,
        parameters={"segment_id": row.id},
        flow_run_name=f"render · job {job.id} · segment {row.segment}"
        + (f" · round {row.round}" * (row.round > 1))
        + (f" · attempt {row.attempt}" * (row.attempt > row.round)),
        tags=[*tags(job), f"segment:{row.segment}"],
        work_queue_name=queue_of(row.engine),
        idempotency_key=f"tower-{row.prompt_id}-segment-{row.segment}-{row.attempt}",
        timeout=0,
    )
    with resources().sessions.begin() as session:
        segments.launched(session, row.id, run.id)
    return run.id


def _failure(message: str | None, code: str | None) -> RenderError:
    """The error as the segment's run noted it; an engine may have codes of its own."""
    failure = RenderError(message or "The engine gave no reason")
    failure.code = code or failure.code
    return failure


async def _wait(segment_id: int, flow_run_id: UUID) -> None:
    """Until the row says how it ended, or its run is dead. Raises RunLostError, CancelledError or RenderError."""
    asked_prefect = 0.0
    while True:
        row = _read(segment_id)
        if row.state == SegmentState.COMPLETED:
            return
        if row.state == SegmentState.FAILED:
            raise _failure(row.error_message, row.error_code)
        if row.state in (SegmentState.CANCELLED, SegmentState.SUPERSEDED):
            raise CancelledError(f"Segment {row.segment} of generation {row.job_id} was cancelled")
        if time.monotonic() - asked_prefect > RUN_POLL_S:
            await _check_alive(segment_id, flow_run_id)
            asked_prefect = time.monotonic()
        await asyncio.sleep(ROW_POLL_S)


async def _check_alive(segment_id: int, flow_run_id: UUID) -> None:
    try:
        states = await asyncio.to_thread(resources().prefect.states, [flow_run_id])
    except UnavailableError:
        return  # the row goes on telling; whether the run is alive is asked again
    state = states.get(flow_run_id)
    if state is not None and not state.ended:
        return
    with resources().sessions.begin() as session:
        if state is not None and state.type == "CANCELLED":  # by hand, in Prefect: the user wants the job to end
            lifecycle.cancel(session, session.get_one(RenderSegment, segment_id).job_id)
            return
        reason = (state.message or state.name) if state else "Prefect lost the run"
        if not segments.give_up(session, segment_id, reason):
            return  # it ended while we asked; the row says how
    raise RunLostError(f"The run of the segment died: {reason}")


def _read(segment_id: int) -> RenderSegment:
    with resources().sessions() as session:
        return session.get_one(RenderSegment, segment_id)


def _take(segment_id: int) -> Take:
    with resources().sessions() as session:
        asset = session.get_one(Asset, session.get_one(RenderSegment, segment_id).asset_id)
        return Take(asset.id, asset.path)


def _measured(takes: Sequence[Take], plans: Sequence[SegmentPlan]) -> dict[str, Any]:
    with resources().sessions() as session:
        sizes = [session.get_one(Asset, take.asset_id).bytes for take in takes]
    frames = sum(plan.shot.frames for plan in plans)
    return {"bytes": sum(sizes), "frames": frames, "engine": plans[0].engine, "round": plans[0].round}
