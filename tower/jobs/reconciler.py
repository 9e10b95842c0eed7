"""Compares the job rows with Prefect's runs, at start and on a timer, and repairs the differences.

It launches new jobs, restarts jobs whose run crashed or passed its deadline, cancels jobs whose run was cancelled in
Prefect, and stops the runs of ended jobs. Several processes may run it at once: launches carry an idempotency key, and
every write requires that the row is unchanged since it was read.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.rendering import RenderSegment
from tower.clients.prefect import FlowRunState, PrefectClient
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.flow_runs import flow_run_request
from tower.logs import bind_context

MAX_CRASHES = 3  # restarts of a job whose run is lost
BATCH_JOBS = 200  # jobs in each step of a pass
CANCEL_GRACE = timedelta(seconds=5)  # a run notices the cancel in its own row sooner than its worker could end it
log = logging.getLogger(__name__)


class Reconciler:
    """Runs passes in its own thread. `wake` begins the next pass at once; `stop` waits for the current one.

    `on_job_settled` is called when all runs of an ended job have ended, in the transaction that marks the job settled.
    """

    def __init__(
        self,
        sessions: SessionFactory,
        prefect: PrefectClient,
        *,
        interval_s: float = 2.0,
        on_job_settled: Callable[[Session, ProductionJob], None] | None = None,
    ) -> None:
        self._sessions = sessions
        self._prefect = prefect
        self._every_s = interval_s
        self._on_job_settled = on_job_settled
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._in_outage = False

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()
        self._thread.join(timeout=10)

    def reconcile(self) -> None:
        """Run one pass. Raises UnavailableError if Prefect does not answer; earlier repairs of the pass stay."""
        for job in self._read(jobs_to_launch()):
            with bind_context(job_id=job.id):
                self._launch(job)
        self._repair(self._read(jobs_under_way()))
        self._settle_jobs(self._read(unsettled_jobs()))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.reconcile()
                self._in_outage = False
            except (UnavailableError, OperationalError) as error:
                if not self._in_outage:  # log once for each outage, not for each pass
                    log.warning("Jobs wait until the next pass: %s", str(error).splitlines()[0])
                self._in_outage = True
            except Exception:
                log.exception("A pass of the reconciler failed; the next one tries again")
            # During an outage, `wake` does not shorten the wait.
            (self._stopping if self._in_outage else self._woken).wait(self._every_s)
            self._woken.clear()

    def _read(self, jobs: Select[ProductionJob]) -> Sequence[ProductionJob]:
        with self._sessions() as session:
            return session.scalars(jobs.limit(BATCH_JOBS)).all()

    def _launch(self, job: ProductionJob) -> None:
        flow_run_id = self._prefect.create_flow_run(flow_run_request(job))
        with self._sessions.begin() as session:
            session.execute(
                update(ProductionJob)
                .where(ProductionJob.id == job.id, ProductionJob.launches == job.launches)
                .values(flow_run_id=flow_run_id, launches=job.launches + 1, launch_after=None, run_settled=False)
            )
        log.info("Launched the job", extra={"flow_run_id": flow_run_id, "launch": job.launches + 1})

    def _repair(self, running_jobs: Sequence[ProductionJob]) -> None:
        states = self._prefect.get_states([job.flow_run_id for job in running_jobs if job.flow_run_id])
        for job in running_jobs:
            with bind_context(job_id=job.id, flow_run_id=job.flow_run_id):
                self._repair_job(job, states.get(job.flow_run_id) if job.flow_run_id else None)

    def _repair_job(self, job: ProductionJob, state: FlowRunState | None) -> None:
        if state is not None and state.type == "CANCELLED":
            self._cancel(job)
        elif state is None or state.has_ended:
            reason = state.message or state.name if state else "Prefect lost the run"
            self._restart(job, ErrorCode.RUN_CRASHED, reason)
        elif job.deadline_at and job.deadline_at < datetime.now(UTC):
            if job.flow_run_id:
                self._prefect.cancel(job.flow_run_id, state)
            self._restart(job, ErrorCode.DEADLINE, "it ran past its deadline")

    def _cancel(self, job: ProductionJob) -> None:
        with self._sessions.begin() as session:
            newest = session.get_one(ProductionJob, job.id, with_for_update=True)
            if newest.status in LIVE_STATUSES and newest.flow_run_id == job.flow_run_id:
                lifecycle.cancel_job(session, job.id)
                log.info("Cancelled the job, because its run was cancelled in Prefect")

    def _restart(self, job: ProductionJob, code: ErrorCode, reason: str) -> None:
        with self._sessions.begin() as session:
            if job.crashes < MAX_CRASHES:
                if lifecycle.relaunch_job(session, job):
                    log.warning("Restarting the job: %s", reason)
                    self.wake()
            elif lifecycle.fail_lost_job(
                session, job, code=code, message=f"The run ended {job.crashes + 1} times without a result: {reason}"
            ):
                log.error("Failed the job: %s", reason)

    def _settle_jobs(self, ended_jobs: Sequence[ProductionJob]) -> None:
        for job in ended_jobs:
            run_ids = self._read_run_ids(job)
            states = self._prefect.get_states(run_ids)
            running = {run_id: state for run_id, state in states.items() if not state.has_ended}
            if not running:
                self._mark_settled(job)
            elif job.ended_at and job.status != JobStatus.COMPLETED:
                self._stop_runs(running, since=job.ended_at)

    def _read_run_ids(self, job: ProductionJob) -> list[UUID]:
        with self._sessions() as session:
            segment_run_ids = session.scalars(
                select(RenderSegment.flow_run_id).where(
                    RenderSegment.job_id == job.id, RenderSegment.flow_run_id.is_not(None)
                )
            )
            return [run_id for run_id in (job.flow_run_id, *segment_run_ids) if run_id is not None]

    def _stop_runs(self, running: dict[UUID, FlowRunState], *, since: datetime) -> None:
        in_grace_period = datetime.now(UTC) - since < CANCEL_GRACE
        for run_id, state in running.items():
            if state.type != "CANCELLING" and not (in_grace_period and state.type == "RUNNING"):
                self._prefect.cancel(run_id, state)

    def _mark_settled(self, job: ProductionJob) -> None:
        with self._sessions.begin() as session:
            session.execute(
                update(ProductionJob)
                .where(ProductionJob.id == job.id, ProductionJob.status == job.status)
                .values(run_settled=True)
            )
            if self._on_job_settled is not None:
                self._on_job_settled(session, job)


def jobs_to_launch() -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(ProductionJob.status.in_(LIVE_STATUSES), ProductionJob.launch_after <= func.now())
        .order_by(ProductionJob.id)
    )


def jobs_under_way() -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(ProductionJob.status.in_(LIVE_STATUSES), ProductionJob.launch_after.is_(None))
        .order_by(ProductionJob.heartbeat_at.asc().nulls_first())
    )


def unsettled_jobs() -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(ProductionJob.status.not_in(LIVE_STATUSES), ~ProductionJob.run_settled)
        .order_by(ProductionJob.id)
    )
