"""What becomes of a job whose run is lost: it is launched again, or failed once its budget is spent.

A run is lost if it ended without a result, if it passed its deadline, or if no worker begins it. Runs that crashed and
runs that never began have budgets of their own: a database that is away for a minute costs no crash.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from db.models.jobs import ProductionJob
from tower.clients.prefect import FlowRunInfo, FlowRunState
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle

CLAIM_TIMEOUT_S = 120.0  # from the moment that a worker takes a run until the run claims its job or segment
MAX_CRASHES = 3  # restarts of a job whose run is lost
MAX_UNCLAIMED = 10  # launches in a row that no run claims
MAX_LAUNCH_DELAY_S = 60.0  # between two launches that no run claimed; the first delay is a second
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunLoss:
    """Why a run has no result. `reason` is our own words; `details` are Prefect's, for the log."""

    code: ErrorCode
    reason: str
    details: str | None = None


class ClaimWatch:
    """Measures how long a worker has had a run that has claimed nothing, by this process's own clock."""

    def __init__(self, timeout_s: float = CLAIM_TIMEOUT_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._taken_at: dict[UUID, float] = {}

    def find_loss(self, flow_run_id: UUID, run: FlowRunInfo) -> RunLoss | None:
        """The loss of a run that will claim nothing. A run that waits in a queue is not lost."""
        if run.state.type == "SCHEDULED":
            self._taken_at.pop(flow_run_id, None)
            return None if run.has_queue else _never_began("the work queue of its run was deleted")
        now = self._clock()
        if now - self._taken_at.setdefault(flow_run_id, now) < self._timeout_s:
            return None
        return _never_began(f"its worker did not begin it within {self._timeout_s:.0f} s")

    def forget_except(self, flow_run_ids: Collection[UUID]) -> None:
        self._taken_at = {run_id: since for run_id, since in self._taken_at.items() if run_id in flow_run_ids}


def describe_end(state: FlowRunState | None) -> RunLoss:
    """The loss of a run that has ended without a result. None: Prefect does not know the run."""
    if state is None:
        return RunLoss(ErrorCode.RUN_CRASHED, "its run was deleted in Prefect")
    reasons = {"CRASHED": "its process ended early", "FAILED": "it ended with an error"}
    reason = reasons.get(state.type, "it ended without a result")
    return RunLoss(ErrorCode.RUN_CRASHED, reason, details=state.message or state.name)


def restart_or_fail(session: Session, job: ProductionJob, loss: RunLoss) -> bool:
    """Launch the job again, or fail it. Returns False if the job has ended or been claimed again meanwhile."""
    if lifecycle.is_claimed(job):
        if job.crashes < MAX_CRASHES:
            return _relaunch(session, job, loss)
        code = loss.code
        message = f"The run of the job was lost {job.crashes + 1} times; the last time {loss.reason}"
    else:
        if job.unclaimed_launches + 1 < MAX_UNCLAIMED:
            return _relaunch(session, job, loss, delay_s=launch_delay_s(job.unclaimed_launches))
        code = ErrorCode.RUN_NOT_STARTED
        message = f"No run of the job began in {MAX_UNCLAIMED} launches; the last time {loss.reason}"
    failed = lifecycle.fail_lost_job(session, job, code=code, message=message)
    if failed:
        log.error("Failed the job: %s", loss.reason, extra={"details": loss.details})
    return failed


def launch_delay_s(unclaimed: int) -> float:
    """The delay before the next launch after `unclaimed` others that no run claimed."""
    return float(min(2**unclaimed, MAX_LAUNCH_DELAY_S))


def _relaunch(session: Session, job: ProductionJob, loss: RunLoss, *, delay_s: float = 0.0) -> bool:
    relaunched = lifecycle.relaunch_job(session, job, delay_s=delay_s)
    if relaunched:
        log.warning("Restarting the job: %s", loss.reason, extra={"details": loss.details, "delay_s": delay_s})
    return relaunched


def _never_began(reason: str) -> RunLoss:
    return RunLoss(ErrorCode.RUN_NOT_STARTED, reason)
