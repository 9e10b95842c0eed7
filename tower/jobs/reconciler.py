"""Holds the job rows against Prefect's runs, at start and on a timer, and mends what differs.

Launches what was never launched; starts again what crashed; ends what was cancelled outside or ran past its deadline;
sees to it that the runs of an ended job end too. Safe to run in several processes at once: launches carry an
idempotency key, and every write asks that the row is still as it was read.
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

from db.engine import Sessions
from db.models.jobs import LIVE, JobStatus, ProductionJob
from db.models.rendering import RenderSegment
from tower.clients.prefect import FlowRunState, PrefectClient
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle
from tower.jobs.flow_runs import flow_run_request
from tower.logs import bound

MAX_CRASHES = 3  # a job whose run is lost is started again so often
BATCH = 200
CANCEL_GRACE = timedelta(seconds=5)  # a run sees the cancel in its own row sooner than its worker could end it
log = logging.getLogger(__name__)


class Reconciler:
    """`start` runs passes in a thread of its own; `wake` begins the next one now; `stop` waits for the last.

    `on_job_settled` is called once for every job whose runs have all ended, in the transaction that marks it.
    """

    def __init__(
        self,
        sessions: Sessions,
        prefect: PrefectClient,
        *,
        every_s: float = 2.0,
        on_job_settled: Callable[[Session, ProductionJob], None] | None = None,
    ) -> None:
        self._sessions = sessions
        self._prefect = prefect
        self._every_s = every_s
        self._on_job_settled = on_job_settled
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)
        self._mute = False

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()
        self._thread.join(timeout=10)

    def reconcile(self) -> None:
        """One pass. Raises UnavailableError if Prefect does not answer; what was mended until then stays mended."""
        for job in self._read(jobs_to_launch()):
            with bound(job_id=job.id):
                self._launch(job)
        self._mend(self._read(jobs_under_way()))
        self._settle(self._read(jobs_to_settle()))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.reconcile()
                self._mute = False
            except (UnavailableError, OperationalError) as silent:
                if not self._mute:  # one line an outage, not one a pass
                    log.warning("Jobs wait: %s", str(silent).splitlines()[0])
                self._mute = True
            except Exception:
                log.exception("A pass of the reconciler failed; the next one tries again")
            (self._stopping if self._mute else self._woken).wait(self._every_s)  # silence is asked no more often
            self._woken.clear()

    def _read(self, wanted: Select[ProductionJob]) -> Sequence[ProductionJob]:
        with self._sessions() as session:
            return session.scalars(wanted.limit(BATCH)).all()

    def _launch(self, job: ProductionJob) -> None:
        flow_run_id = self._prefect.create_flow_run(flow_run_request(job))
        with self._sessions.begin() as session:
            session.execute(
                update(ProductionJob)
                .where(ProductionJob.id == job.id, ProductionJob.launches == job.launches)
                .values(flow_run_id=flow_run_id, launches=job.launches + 1, launch_after=None, run_settled=False)
            )
        log.info("Launched", extra={"flow_run_id": flow_run_id, "launch": job.launches + 1})

    def _mend(self, under_way: Sequence[ProductionJob]) -> None:
        states = self._prefect.states([job.flow_run_id for job in under_way if job.flow_run_id])
        for job in under_way:
            with bound(job_id=job.id, flow_run_id=job.flow_run_id):
                self._mend_one(job, states.get(job.flow_run_id) if job.flow_run_id else None)

    def _mend_one(self, job: ProductionJob, state: FlowRunState | None) -> None:
        if state is not None and state.type == "CANCELLED":
            self._cancel(job)
        elif state is None or state.ended:
            reason = state.message or state.name if state else "Prefect lost the run"
            self._start_again(job, ErrorCode.RUN_CRASHED, reason)
        elif job.deadline_at and job.deadline_at < datetime.now(UTC):
            if job.flow_run_id:
                self._prefect.cancel(job.flow_run_id, state)
            self._start_again(job, ErrorCode.DEADLINE, "it ran past its deadline")

    def _cancel(self, job: ProductionJob) -> None:
        with self._sessions.begin() as session:
            newest = session.get_one(ProductionJob, job.id, with_for_update=True)
            if newest.status in LIVE and newest.flow_run_id == job.flow_run_id:
                lifecycle.cancel(session, job.id)
                log.info("Cancelled, as its run was in Prefect")

    def _start_again(self, job: ProductionJob, code: ErrorCode, reason: str) -> None:
        with self._sessions.begin() as session:
            if job.crashes < MAX_CRASHES:
                if lifecycle.relaunch(session, job):
                    log.warning("Starts again: %s", reason)
                    self.wake()
            elif lifecycle.fail_unclaimed(
                session, job, code=code, message=f"Its run ended {job.crashes + 1} times without a result: {reason}"
            ):
                log.error("Failed: %s", reason)

    def _settle(self, ended: Sequence[ProductionJob]) -> None:
        for job in ended:
            run_ids = self._run_ids(job)
            states = self._prefect.states(run_ids)
            running = {run_id: state for run_id, state in states.items() if not state.ended}
            if not running:
                self._mark_settled(job)
            elif job.ended_at and job.status != JobStatus.COMPLETED:
                self._stop_runs(running, since=job.ended_at)

    def _run_ids(self, job: ProductionJob) -> list[UUID]:
        with self._sessions() as session:
            rendering = session.scalars(
                select(RenderSegment.flow_run_id).where(
                    RenderSegment.job_id == job.id, RenderSegment.flow_run_id.is_not(None)
                )
            )
            return [run_id for run_id in (job.flow_run_id, *rendering) if run_id is not None]

    def _stop_runs(self, running: dict[UUID, FlowRunState], *, since: datetime) -> None:
        patient = datetime.now(UTC) - since < CANCEL_GRACE
        for run_id, state in running.items():
            if state.type != "CANCELLING" and not (patient and state.type == "RUNNING"):
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
        .where(ProductionJob.status.in_(LIVE), ProductionJob.launch_after <= func.now())
        .order_by(ProductionJob.id)
    )


def jobs_under_way() -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(ProductionJob.status.in_(LIVE), ProductionJob.launch_after.is_(None))
        .order_by(ProductionJob.heartbeat_at.asc().nulls_first())
    )


def jobs_to_settle() -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(ProductionJob.status.not_in(LIVE), ~ProductionJob.run_settled)
        .order_by(ProductionJob.id)
    )
