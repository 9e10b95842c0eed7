"""Renders one segment on a gpu worker: claims it, runs its engine, checks the clip and stores it."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from prefect import task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from sqlalchemy.exc import OperationalError

from db.engine import SessionFactory
from db.models.jobs import ProductionJob
from db.models.rendering import RenderSegment
from tasks.outcomes import outcome_of
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.engines.base import Engine, Shot
from tower.engines.installed import find_entry, open_engine
from tower.errors import CancelledError, RenderError, SupersededError, TowerError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import reason_of
from tower.logs import bind_context
from tower.media.probe import Probe, probe
from tower.rendering import segments, workers
from tower.rendering.failure_reports import keep_report
from tower.rendering.takes import store_take

log = logging.getLogger("tower.runs")
REPORT_INTERVAL_S = 0.25  # at most one write of the progress in this time
FAULT_PAUSE_S = 3.0  # long enough for another worker, which looks for runs every 0.5 s


@dataclass(frozen=True)
class ClaimedSegment:
    """A claimed segment with its shot, its engine, and the path of the clip until it is stored."""

    segment: RenderSegment
    shot: Shot
    engine: Engine
    version: str
    clip: Path


async def run_segment(segment_id: int, recipe: Callable[[ClaimedSegment], Awaitable[None]]) -> State[None]:
    """Claim the segment, run the recipe, and fail the segment on an error. It removes the temporary clip."""

    async def work() -> None:
        claimed = _claim_segment(segment_id)
        shown = (claimed.segment.job_id, claimed.segment.segment, claimed.segment.attempt)
        log.info("Job %s, segment %s, attempt %s: begins", *shown)
        with bind_context(job_id=claimed.segment.job_id, segment_id=segment_id, flow_run_id=flow_run.id):
            try:
                await recipe(claimed)
            finally:
                claimed.clip.unlink(missing_ok=True)

    async def fail(error: TowerError) -> None:
        _fail_segment(segment_id, error)
        if workers.is_worker_fault(error):  # keep the slot for a moment, so that another worker takes the next attempt
            await asyncio.sleep(FAULT_PAUSE_S)

    return await outcome_of(work, on_failure=fail)


@task(name="draw", task_run_name="draw")
def render_clip(claimed: ClaimedSegment) -> tuple[str, ...]:
    """Run the engine, and return its remarks. Prefect does not retry this: the recipe decides on another attempt."""
    claimed.clip.parent.mkdir(parents=True, exist_ok=True)
    claimed.clip.unlink(missing_ok=True)
    watch = SegmentWatcher(claimed.segment.id, resources().sessions)
    prompt_id = str(claimed.segment.prompt_id)
    return claimed.engine.render(claimed.shot, prompt_id=prompt_id, target=claimed.clip, watch=watch)


@retrying_task("store")
def store_clip(claimed: ClaimedSegment, remarks: tuple[str, ...]) -> None:
    """Check the clip, store it by its content, and complete the segment, in one transaction."""
    clip_probe = probe(claimed.clip)
    _check_size(clip_probe, claimed.shot)
    with resources().sessions.begin() as session:
        asset = store_take(
            session,
            claimed.clip,
            renders=resources().settings.renders,
            probe=clip_probe,
            job_id=claimed.segment.job_id,
            project_id=session.get_one(ProductionJob, claimed.segment.job_id).project_id,
            provenance=_provenance(claimed),
        )
        segments.complete_segment(
            session, claimed.segment.id, asset=asset, engine_version=claimed.version, remarks=remarks
        )
        workers.record_success(session, _worker_name())
    log.info(
        "Job %s, segment %s: stored the clip, %s bytes", claimed.segment.job_id, claimed.segment.segment, asset.bytes
    )


@dataclass
class SegmentWatcher:
    """Writes an engine's progress to the row, at most four times a second, and raises there if the job was cancelled.

    If the database is unavailable for a moment, a report is lost and the render continues.
    """

    segment_id: int
    sessions: SessionFactory
    _next_s: float = field(default=0.0)

    def progress(self, fraction: float, step: str) -> None:
        if time.monotonic() < self._next_s and fraction < 1:
            return
        self._next_s = time.monotonic() + REPORT_INTERVAL_S
        try:
            with self.sessions.begin() as session:
                segments.report_segment(session, self.segment_id, progress=fraction, step=step)
        except OperationalError as error:
            log.warning("The progress was not written: %s", str(error).splitlines()[0])


def _claim_segment(segment_id: int) -> ClaimedSegment:
    flow_run_id = UUID(flow_run.id) if flow_run.id else None
    process = f"{platform.node()}:{os.getpid()}"
    with resources().sessions.begin() as session:
        row = segments.claim_segment(
            session, segment_id, flow_run_id=flow_run_id, worker=_worker_name(), process=process
        )
    clip = resources().settings.renders / ".partial" / f"segment-{segment_id}.mp4"
    engine = open_engine(row.engine, resources().settings)
    return ClaimedSegment(row, segments.read_shot(row), engine, find_entry(row.engine).version, clip)


def _worker_name() -> str:
    return resources().settings.worker or platform.node()


def _check_size(clip_probe: Probe, shot: Shot) -> None:
    """Raise RenderError if the clip has another size or length than the shot."""
    expected = (shot.width, shot.height, shot.frames)
    actual = (clip_probe.width, clip_probe.height, clip_probe.frames)
    if actual != expected:
        raise RenderError(
            "The engine made {}×{} and {} frames instead of {}×{} and {}".format(*actual, *expected),
            code=ErrorCode.NOT_AS_ASKED,
        )


def _provenance(claimed: ClaimedSegment) -> dict[str, object]:
    segment = claimed.segment
    return {
        "engine": segment.engine,
        "engine_version": claimed.version,
        "fingerprint": segment.fingerprint,
        "shot": segment.shot,
        "segment": segment.segment,
        "attempt": segment.attempt,
        "prompt_id": str(segment.prompt_id),
        "worker": segment.worker,
    }


def _fail_segment(segment_id: int, error: TowerError) -> None:
    if report := (error.details or {}).get("report"):
        _keep_report(segment_id, str(report))
    try:
        with resources().sessions.begin() as session:
            segments.fail_segment(session, segment_id, error)
            if workers.is_worker_fault(error):
                workers.record_failure(session, _worker_name(), error)
    except (CancelledError, SupersededError) as ended:
        log.info("Did not fail the segment: %s", ended.message)


def _keep_report(segment_id: int, report: str) -> None:
    try:
        path = keep_report(resources().settings.data / "logs", segment_id, report)
        log.info("Kept the report of the failed node", extra={"segment_id": segment_id, "path": str(path)})
    except OSError as error:
        log.warning("The report of the failed node was not kept: %s", reason_of(error))
