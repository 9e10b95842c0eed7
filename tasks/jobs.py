"""Runs a job: claims it, moves it through its stages, and completes or fails it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from db.models.jobs import JobType, ProductionJob, Stage
from db.models.rendering import Asset
from tasks.outcomes import outcome_of
from tasks.resources import open_studio, resources
from tasks.retries import retrying_task
from tower.errors import CancelledError, InvalidError, SupersededError, TowerError
from tower.jobs import attempts
from tower.jobs.analytics import record_stage
from tower.jobs.attempts import Attempt
from tower.jobs.flow_runs import run_name, run_tags
from tower.jobs.production import decide_spec, open_decided_job
from tower.jobs.spec import GenerationSpec
from tower.logs import bind_context
from tower.rendering.takes import check_take
from tower.review.acceptance import accept_take
from tower.shots.preflight import check_job_can_render

log = logging.getLogger("tower.runs")


async def run_recipe(
    job_id: int | None,
    spec: GenerationSpec | None,
    recipe: Callable[[Attempt], Awaitable[None]],
    *,
    job_type: JobType,
) -> State[None]:
    """Claim the job (or open one for `spec`), run the recipe, and end the job with its result."""
    attempt: Attempt | None = None

    async def work() -> None:
        nonlocal attempt
        attempt = _claim_job(job_id, spec, job_type)
        log.info("Job %s, attempt %s: begins", attempt.job_id, attempt.number)
        with bind_context(job_id=attempt.job_id, flow_run_id=flow_run.id):
            await recipe(attempt)

    async def fail(error: TowerError) -> None:
        if attempt is not None:
            log.warning("Job %s failed: %s", attempt.job_id, error.message)
            _fail_job(attempt, error)

    return await outcome_of(work, on_failure=fail)


@contextmanager
def enter_stage(attempt: Attempt, job_stage: Stage, *, progress: float) -> Iterator[dict[str, Any]]:
    """Report that the job enters this stage, and record the stage's duration at its end.

    The yielded dict takes further measurements (bytes, …).
    """
    with resources().sessions.begin() as session:
        attempts.report_progress(session, attempt, stage=job_stage, progress=progress)
    started = time.monotonic()
    measurements: dict[str, Any] = {}
    yield measurements
    took_s = time.monotonic() - started
    with resources().sessions.begin() as session:
        record_stage(session, attempt, job_stage, seconds=took_s, **measurements)
    log.info("Job %s, %s: took %.1f s", attempt.job_id, job_stage.value, took_s)


@retrying_task("finish")
def finish_job(attempt: Attempt, asset_id: int, score: float) -> None:
    """Complete the job after a last check of its file. The take is accepted for a scene that needs one."""
    with resources().sessions.begin() as session:
        asset = session.get_one(Asset, asset_id)
        check_take(asset)
        job = session.get_one(ProductionJob, attempt.job_id)
        outcome = accept_take(session, job, asset, settings=resources().settings)
        attempts.complete_job(session, attempt, asset=asset, score=score)
    log.info("Job %s: completed, quality %.1f of 10. %s", attempt.job_id, score, outcome.reason)


def _claim_job(job_id: int | None, asked: GenerationSpec | None, job_type: JobType) -> Attempt:
    flow_run_id = UUID(flow_run.id) if flow_run.id else None
    timeout_s = resources().settings.job_timeout_s
    with resources().sessions.begin() as session:
        if job_id is not None:
            return attempts.claim_job(
                session, job_id, flow_run_id=flow_run_id, timeout_s=timeout_s, launch_key=_launch_key()
            )
        if asked is None:
            raise InvalidError("Give either `job_id`, the id of an open job, or `asked`, the spec of a new one")
        decided = decide_spec(session, asked.model_dump(exclude_unset=True, exclude_none=True))
        job = open_decided_job(session, decided, job_type=job_type)
        with open_studio() as studio:
            check_job_can_render(session, job, studio)
        job.launches = 1  # this run is the first launch
        attempt = attempts.claim_job(session, job.id, flow_run_id=flow_run_id, timeout_s=timeout_s)
    _name_run(flow_run_id, job)
    return attempt


def _launch_key() -> str | None:
    """The idempotency key of this run. None for a run that was started in Prefect."""
    context = FlowRunContext.get()
    return context.flow_run.idempotency_key if context and context.flow_run else None


def _name_run(flow_run_id: UUID | None, job: ProductionJob) -> None:
    """Give a run that was started in Prefect the name of a launched run, and its tags beside its own."""
    if flow_run_id is not None:
        tags = dict.fromkeys((*flow_run.tags, *run_tags(job)))
        with get_client(sync_client=True) as client:
            client.update_flow_run(flow_run_id, name=run_name(job), tags=list(tags))


def _fail_job(attempt: Attempt, error: TowerError) -> None:
    try:
        with resources().sessions.begin() as session:
            attempts.fail_job(session, attempt, error)
    except (CancelledError, SupersededError) as ended:
        log.info("Did not fail the job: %s", ended.message)
