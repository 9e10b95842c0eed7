"""Settles ended jobs: stops their runs, and marks the job settled once all of them have ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.rendering import RenderSegment
from tower.clients.prefect import FlowRunState, PrefectClient
from tower.jobs.flow_runs import launch_key, render_key
from tower.jobs.isolation import each_job

BATCH_JOBS = 50  # jobs that one pass looks at; the next pass goes on with the following ones
CANCEL_GRACE_S = 5.0  # a run notices the end of its job in its own row sooner than its worker could end it
SUMMARY_GRACE_S = 60.0  # the run of a completed job still publishes its summary
STOP_TIMEOUT_S = 300.0  # after the end of the job; then Tower itself ends a run that nothing else has ended


class JobSettling:
    """Stops the runs of ended jobs. `on_job_settled` is called in the transaction that marks a job settled."""

    def __init__(
        self,
        sessions: SessionFactory,
        prefect: PrefectClient,
        *,
        on_job_settled: Callable[[Session, ProductionJob], None] | None = None,
    ) -> None:
        self._sessions = sessions
        self._prefect = prefect
        self._on_job_settled = on_job_settled
        self._last_id = 0

    def finish_batch(self) -> None:
        with self._sessions() as session:
            jobs = session.scalars(unsettled_jobs(self._last_id).limit(BATCH_JOBS)).all()
            now = session.scalars(select(func.now())).one()
            run_ids = {job.id: _recorded_run_ids(session, job) for job in jobs}
            keys = {job.id: _unrecorded_keys(session, job) for job in jobs}
        self._last_id = jobs[-1].id if len(jobs) == BATCH_JOBS else 0
        found = self._prefect.find_ids(key for listed in keys.values() for key in listed)
        for job in jobs:
            run_ids[job.id] |= {found[key] for key in keys[job.id] if key in found}
        states = self._prefect.get_states(run_id for listed in run_ids.values() for run_id in listed)
        each_job(
            jobs, lambda job: self._settle(job, {run: states[run] for run in run_ids[job.id] if run in states}, now)
        )

    def _settle(self, job: ProductionJob, states: dict[UUID, FlowRunState], now: datetime) -> None:
        running = {run_id: state for run_id, state in states.items() if not state.has_ended}
        if not running:
            self._mark_settled(job)
        elif job.ended_at is not None:
            self._stop_runs(job, running, age=now - job.ended_at)

    def _stop_runs(self, job: ProductionJob, running: dict[UUID, FlowRunState], *, age: timedelta) -> None:
        grace_s = SUMMARY_GRACE_S if job.status == JobStatus.COMPLETED else CANCEL_GRACE_S
        for run_id, state in running.items():
            if age.total_seconds() > STOP_TIMEOUT_S:
                self._prefect.force_end(run_id, "CANCELLED", "Its job has ended, and no worker has ended this run.")
            elif state.type != "CANCELLING" and not (age.total_seconds() < grace_s and state.type == "RUNNING"):
                self._prefect.cancel(run_id, state)

    def _mark_settled(self, job: ProductionJob) -> None:
        with self._sessions.begin() as session:
            marked = session.scalar(
                update(ProductionJob)
                .where(ProductionJob.id == job.id, ProductionJob.status == job.status)
                .values(run_settled=True)
                .returning(ProductionJob.id)
            )
            if marked is not None and self._on_job_settled is not None:
                self._on_job_settled(session, job)


def unsettled_jobs(after_id: int = 0) -> Select[ProductionJob]:
    return (
        select(ProductionJob)
        .where(ProductionJob.id > after_id, ProductionJob.status.not_in(LIVE_STATUSES), ~ProductionJob.run_settled)
        .order_by(ProductionJob.id)
    )


def _recorded_run_ids(session: Session, job: ProductionJob) -> set[UUID]:
    rendered = select(RenderSegment.flow_run_id).where(RenderSegment.job_id == job.id)
    return {run_id for run_id in (job.flow_run_id, *session.scalars(rendered)) if run_id is not None}


def _unrecorded_keys(session: Session, job: ProductionJob) -> list[str]:
    """The keys of runs that no row names: those of earlier launches, and those whose launch was cut off."""
    launches = range(job.launches + 1) if job.launches > 1 or job.flow_run_id is None else ()
    rows = select(RenderSegment).where(RenderSegment.job_id == job.id, RenderSegment.flow_run_id.is_(None))
    return [*(launch_key(job, launch) for launch in launches), *map(render_key, session.scalars(rows))]
