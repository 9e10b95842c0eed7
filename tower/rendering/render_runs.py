"""Finds segments whose render run is lost, and abandons that attempt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from db.engine import SessionFactory
from db.models.rendering import RenderSegment, SegmentState
from db.models.workers import Worker
from tower.clients.prefect import FlowRunInfo, PrefectClient
from tower.errors import ConflictError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.lost_runs import ClaimWatch, RunLoss, describe_end
from tower.rendering import segments

WORKER_SILENCE_S = 120.0  # a worker reports every 15 s, so after this time its machine is gone or cut off
MAX_GAP_S = 30.0  # between two looks at a worker's report


@dataclass(frozen=True)
class LostRender:
    """An abandoned attempt. `was_claimed` is False if no worker began its run."""

    reason: str
    was_claimed: bool


class WorkerWatch:
    """Measures how long the worker of a render has not reported, by this process's own clock.

    A long gap between two looks does not count: the database was away in it, and no worker could report.
    """

    def __init__(self, timeout_s: float = WORKER_SILENCE_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._report: tuple[str | None, datetime | None] = (None, None)
        self._silent_since = self._looked_at = clock()

    def find_loss(self, worker: str | None, seen_at: datetime | None) -> RunLoss | None:
        """The loss of a render whose worker last reported at `seen_at`; None for a worker that never reports."""
        now = self._clock()
        if self._report != (worker, seen_at) or now - self._looked_at > MAX_GAP_S:
            self._report, self._silent_since = (worker, seen_at), now
        self._looked_at = now
        if seen_at is None or now - self._silent_since < self._timeout_s:
            return None
        return RunLoss(ErrorCode.RUN_CRASHED, f"its worker has not reported for {self._timeout_s:.0f} s")


def abandon_if_lost(
    sessions: SessionFactory,
    prefect: PrefectClient,
    row: RenderSegment,
    flow_run_id: UUID,
    *,
    watch: ClaimWatch,
    worker_watch: WorkerWatch,
) -> LostRender | None:
    """Abandon the attempt if its run is lost, and stop the run. A run that the user cancelled cancels the job.

    Returns None if the run is alive, or if the attempt has meanwhile been claimed or ended. Raises UnavailableError.
    """
    run = prefect.get_runs([flow_run_id]).get(flow_run_id)
    if run is not None and run.state.type in ("CANCELLING", "CANCELLED"):
        _cancel_job(sessions, row.job_id)
        return None
    was_claimed = row.state != SegmentState.QUEUED
    loss: RunLoss | None
    if run is None or run.state.has_ended:
        loss = describe_end(run.state if run else None)
    elif was_claimed:
        loss = worker_watch.find_loss(row.worker, _read_report_time(sessions, row.worker))
    else:
        loss = watch.find_loss(flow_run_id, run)
    if loss is None:
        return None
    with sessions.begin() as session:
        if not segments.abandon_segment(session, row.id, loss.reason, was_claimed=was_claimed):
            return None
    _stop_run(prefect, flow_run_id, run)
    return LostRender(loss.reason, was_claimed)


def _read_report_time(sessions: SessionFactory, worker: str | None) -> datetime | None:
    with sessions() as session:
        return session.scalar(select(Worker.seen_at).where(Worker.name == worker))


def _cancel_job(sessions: SessionFactory, job_id: int) -> None:
    with contextlib.suppress(ConflictError), sessions.begin() as session:  # it has just ended
        lifecycle.cancel_job(session, job_id)


def _stop_run(prefect: PrefectClient, flow_run_id: UUID, run: FlowRunInfo | None) -> None:
    """Stop an abandoned run, so that it holds no slot. If Prefect does not answer, the end of the job stops it."""
    if run is not None and not run.state.has_ended:
        with contextlib.suppress(UnavailableError):
            prefect.cancel(flow_run_id, run.state)
