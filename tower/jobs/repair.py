"""Repairs launched jobs: one whose run is lost begins again, one whose run the user cancelled is cancelled."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select

from db.engine import SessionFactory
from db.models.jobs import LIVE_STATUSES, ProductionJob
from tower.clients.prefect import FlowRunInfo, PrefectClient
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.isolation import each_job
from tower.jobs.lost_runs import CLAIM_TIMEOUT_S, ClaimWatch, RunLoss, describe_end, restart_or_fail
from tower.jobs.silent_workers import HEARTBEAT_TIMEOUT_S, SilentWorkers

BATCH_JOBS = 200  # jobs that one pass compares; the next pass goes on with the following ones
log = logging.getLogger(__name__)


class RunRepair:
    """Compares launched jobs with their runs, a batch in each pass."""

    def __init__(
        self,
        sessions: SessionFactory,
        prefect: PrefectClient,
        *,
        claim_timeout_s: float = CLAIM_TIMEOUT_S,
        heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S,
    ) -> None:
        self._sessions = sessions
        self._prefect = prefect
        self._watch = ClaimWatch(claim_timeout_s)
        self._workers = SilentWorkers(heartbeat_timeout_s)
        self._last_id = 0

    def repair_batch(self) -> None:
        with self._sessions() as session:
            jobs = session.scalars(jobs_under_way(self._last_id).limit(BATCH_JOBS)).all()
            now = session.scalars(select(func.now())).one()
        self._last_id = jobs[-1].id if len(jobs) == BATCH_JOBS else 0
        runs = self._prefect.get_runs([job.flow_run_id for job in jobs if job.flow_run_id])
        self._look_at_workers(runs.values())
        each_job(jobs, lambda job: self._repair(job, runs.get(job.flow_run_id) if job.flow_run_id else None, now))
        if self._last_id == 0:
            self._forget_ended(jobs)

    def _repair(self, job: ProductionJob, run: FlowRunInfo | None, now: datetime) -> None:
        if run is not None and run.state.type in ("CANCELLING", "CANCELLED"):
            self._cancel(job)
        elif (loss := self._find_loss(job, run, now)) is not None:
            self._restart(job, run, loss)

    def _find_loss(self, job: ProductionJob, run: FlowRunInfo | None, now: datetime) -> RunLoss | None:
        if run is None or run.state.has_ended:
            return describe_end(run.state if run else None)
        if job.deadline_at is None:
            return self._watch.find_loss(job.flow_run_id, run) if job.flow_run_id else None
        if job.deadline_at < now:
            return RunLoss(ErrorCode.DEADLINE, "it ran past its deadline")
        return self._workers.find_loss(run.worker)

    def _look_at_workers(self, runs: Iterable[FlowRunInfo]) -> None:
        pools = {run.pool for run in runs if run.pool and run.worker and not run.state.has_ended}
        self._workers.look(worker for pool in sorted(pools) for worker in self._prefect.list_workers(pool))

    def _restart(self, job: ProductionJob, run: FlowRunInfo | None, loss: RunLoss) -> None:
        """Stop the lost run only after the job no longer names it: its end is not a cancel by the user."""
        with self._sessions.begin() as session:
            changed = restart_or_fail(session, job, loss)
        if changed and job.flow_run_id and run is not None and not run.state.has_ended:
            self._prefect.cancel(job.flow_run_id, run.state)

    def _cancel(self, job: ProductionJob) -> None:
        with self._sessions.begin() as session:
            newest = session.get_one(ProductionJob, job.id, with_for_update=True)
            if newest.status in LIVE_STATUSES and newest.flow_run_id == job.flow_run_id:
                lifecycle.cancel_job(session, job.id)
                log.info("Cancelled the job, because its run was cancelled in Prefect")

    def _forget_ended(self, jobs: Sequence[ProductionJob]) -> None:
        if len(jobs) < BATCH_JOBS:
            self._watch.forget_except({job.flow_run_id for job in jobs if job.flow_run_id})


def jobs_under_way(after_id: int = 0) -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(
            ProductionJob.id > after_id, ProductionJob.status.in_(LIVE_STATUSES), ProductionJob.launch_after.is_(None)
        )
        .order_by(ProductionJob.id)
    )
