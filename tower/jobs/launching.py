"""Launches jobs: asks Prefect for a run of each job whose time has come, in the order of their ids."""

from __future__ import annotations

import logging

from sqlalchemy import Select, func, select, update

from db.engine import SessionFactory
from db.models.jobs import LIVE_STATUSES, ProductionJob
from tower.clients.prefect import PrefectClient, PrefectRefusedError
from tower.errors.codes import ErrorCode
from tower.jobs.flow_runs import DEPLOYMENTS, flow_run_request
from tower.jobs.lost_runs import RunLoss, restart_or_fail
from tower.jobs.rows import waits_for_others
from tower.logs import bind_context

BATCH_JOBS = 20  # launches in a pass: about two seconds, so that repairs never wait long
log = logging.getLogger(__name__)


class Launcher:
    """Launches jobs, each launch with an idempotency key of its own."""

    def __init__(self, sessions: SessionFactory, prefect: PrefectClient) -> None:
        self._sessions = sessions
        self._prefect = prefect

    def launch_batch(self) -> bool:
        """Launch the first jobs that are due. Returns whether more may be due."""
        with self._sessions() as session:
            jobs = session.scalars(jobs_to_launch().limit(BATCH_JOBS)).all()
        for job in jobs:
            with bind_context(job_id=job.id):
                self._launch(job)
        return len(jobs) == BATCH_JOBS

    def _launch(self, job: ProductionJob) -> None:
        try:
            flow_run_id = self._prefect.create_flow_run(flow_run_request(job))
        except PrefectRefusedError as error:  # the other jobs are not affected
            reason = f"Prefect refused its run: is {DEPLOYMENTS[job.job_type]} deployed (`tower deploy`)?"
            with self._sessions.begin() as session:
                restart_or_fail(session, job, RunLoss(ErrorCode.RUN_NOT_STARTED, reason, details=error.message))
            return
        with self._sessions.begin() as session:
            session.execute(
                update(ProductionJob)
                .where(ProductionJob.id == job.id, ProductionJob.launches == job.launches)
                .values(flow_run_id=flow_run_id, launches=job.launches + 1, launch_after=None, run_settled=False)
            )
        log.info("Launched the job", extra={"flow_run_id": flow_run_id, "launch": job.launches + 1})


def jobs_to_launch() -> Select[ProductionJob]:
    """The live jobs whose time has come, without those that wait for other jobs."""
    is_due = (ProductionJob.status.in_(LIVE_STATUSES), ProductionJob.launch_after <= func.now())
    return select(ProductionJob).where(*is_due, ~waits_for_others()).order_by(ProductionJob.id)
