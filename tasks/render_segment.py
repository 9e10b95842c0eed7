"""Rendering, as the gpu worker sees it: one segment claimed, drawn by its engine, checked, stored."""

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

from db.engine import Sessions
from db.models.jobs import ProductionJob
from db.models.rendering import RenderSegment
from tasks.outcomes import outcome_of
from tasks.resources import resources
from tasks.retries import step
from tower.engines.base import Engine, Shot
from tower.engines.installed import entry, open_engine
from tower.errors import CancelledError, RenderError, SupersededError, TowerError
from tower.errors.codes import ErrorCode
from tower.logs import bound
from tower.media.probe import Probe, probe
from tower.rendering import segments, workers
from tower.rendering.takes import keep

log = logging.getLogger("tower.runs")
REPORT_EVERY_S = 0.25
AFTER_A_FAULT_S = 3.0  # other workers look for runs every half second


@dataclass(frozen=True)
class Drawing:
    """A claimed segment: what to draw, with what, and where the clip goes until it is kept."""

    segment: RenderSegment
    shot: Shot
    engine: Engine
    version: str
    clip: Path


async def carry_out(segment_id: int, recipe: Callable[[Drawing], Awaitable[None]]) -> State[None]:
    """Claim the segment, follow the recipe, and end the segment with whatever comes of it. No half-made clip stays."""

    async def work() -> None:
        drawing = _claim(segment_id)
        with bound(job_id=drawing.segment.job_id, segment_id=segment_id, flow_run_id=flow_run.id):
            try:
                await recipe(drawing)
            finally:
                drawing.clip.unlink(missing_ok=True)

    async def fail(error: TowerError) -> None:
        _fail(segment_id, error)
        if workers.is_workers_fault(error):  # the slot stays taken for a moment, so that another worker comes first
            await asyncio.sleep(AFTER_A_FAULT_S)

    return await outcome_of(work, on_failure=fail)


@task(name="draw", task_run_name="draw")
def draw(drawing: Drawing) -> tuple[str, ...]:
    """Have the engine make the clip, and what it has to say of it. Not retried: another attempt is the recipe's to
    decide."""
    drawing.clip.parent.mkdir(parents=True, exist_ok=True)
    drawing.clip.unlink(missing_ok=True)
    watch = SegmentWatch(drawing.segment.id, resources().sessions)
    prompt_id = str(drawing.segment.prompt_id)
    return drawing.engine.render(drawing.shot, prompt_id=prompt_id, target=drawing.clip, watch=watch)


@step("store")
def store(drawing: Drawing, remarks: tuple[str, ...]) -> None:
    """Look at the clip, keep it by its content, and only then call the segment done. All of it, or nothing."""
    found = probe(drawing.clip)
    _check_as_asked(found, drawing.shot)
    with resources().sessions.begin() as session:
        asset = keep(
            session,
            drawing.clip,
            renders=resources().settings.renders,
            probe=found,
            job_id=drawing.segment.job_id,
            project_id=session.get_one(ProductionJob, drawing.segment.job_id).project_id,
            provenance=_provenance(drawing),
        )
        made_by = drawing.version
        segments.complete_segment(session, drawing.segment.id, asset=asset, engine_version=made_by, remarks=remarks)
        workers.succeeded(session, _worker())
    log.info("Stored", extra={"path": asset.path, "bytes": asset.bytes})


@dataclass
class SegmentWatch:
    """Writes an engine's progress into the row, at most four times a second, and hears of a cancel there.

    A database that is away for a moment costs a report, not the render.
    """

    segment_id: int
    sessions: Sessions
    _next_s: float = field(default=0.0)

    def progress(self, fraction: float, step: str) -> None:
        if time.monotonic() < self._next_s and fraction < 1:
            return
        self._next_s = time.monotonic() + REPORT_EVERY_S
        try:
            with self.sessions.begin() as session:
                segments.report_segment(session, self.segment_id, progress=fraction, step=step)
        except OperationalError as away:
            log.warning("Progress not written: %s", str(away).splitlines()[0])


def _claim(segment_id: int) -> Drawing:
    flow_run_id = UUID(flow_run.id) if flow_run.id else None
    process = f"{platform.node()}:{os.getpid()}"
    with resources().sessions.begin() as session:
        row = segments.claim_segment(session, segment_id, flow_run_id=flow_run_id, worker=_worker(), process=process)
    clip = resources().settings.renders / ".partial" / f"segment-{segment_id}.mp4"
    engine = open_engine(row.engine, resources().settings)
    return Drawing(row, segments.shot_of(row), engine, entry(row.engine).version, clip)


def _worker() -> str:
    return resources().settings.worker or platform.node()


def _check_as_asked(found: Probe, shot: Shot) -> None:
    """Raises RenderError: a clip of another size or length is not what was asked for, however good it looks."""
    asked = (shot.width, shot.height, shot.frames)
    made = (found.width, found.height, found.frames)
    if made != asked:
        raise RenderError(
            "The engine made {}×{} and {} frames instead of {}×{} and {}".format(*made, *asked),
            code=ErrorCode.NOT_AS_ASKED,
        )


def _provenance(drawing: Drawing) -> dict[str, object]:
    segment = drawing.segment
    return {
        "engine": segment.engine,
        "engine_version": drawing.version,
        "fingerprint": segment.fingerprint,
        "shot": segment.shot,
        "segment": segment.segment,
        "attempt": segment.attempt,
        "prompt_id": str(segment.prompt_id),
        "worker": segment.worker,
    }


def _fail(segment_id: int, error: TowerError) -> None:
    try:
        with resources().sessions.begin() as session:
            segments.fail_segment(session, segment_id, error)
            if workers.is_workers_fault(error):
                workers.failed(session, _worker(), error)
    except (CancelledError, SupersededError) as ended:
        log.info("Not ours to fail: %s", ended.message)
