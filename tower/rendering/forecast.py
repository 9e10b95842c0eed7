"""Forecasts for jobs that have not ended: the place of a waiting job in the queue, and the seconds that remain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, ProductionJob, Stage
from tower.jobs.lifecycle import estimate_remaining_s
from tower.rendering.queue_eta import estimate_etas_s
from tower.rendering.queue_listing import QueuedJob, QueueState, list_live_jobs, sort_queue, sort_waiting
from tower.rendering.segments import RENDER_STARTS
from tower.rendering.workers import count_pool_slots, describe_rest


@dataclass(frozen=True)
class Forecast:
    """`place`: the place among the waiting jobs, from 1; None for a job that does not wait.

    `eta_s`: the seconds until the job is done if no other job comes in and the queue is not paused; None if unknown.
    `rest`: why no worker renders now.
    """

    place: int | None = None
    eta_s: float | None = None
    rest: str | None = None

    @property
    def stage(self) -> Stage | None:
        """The stage that a waiting job shows."""
        return None if self.place is None else Stage.QUEUED

    @property
    def step(self) -> str | None:
        """What a waiting job does, in words."""
        if self.place is None:
            return None
        if self.rest is not None:
            return f"waiting: {self.rest}"
        return "waiting, next in line" if self.place == 1 else f"waiting, {self.place - 1} before it"


NO_FORECAST = Forecast()


def forecast_job(session: Session, job: ProductionJob) -> Forecast:
    return forecast_jobs(session, [job]).get(job.id, NO_FORECAST)


def forecast_jobs(session: Session, jobs: Sequence[ProductionJob]) -> dict[int, Forecast]:
    """The forecasts of the jobs that have not ended, by id. It reads the database only, so it knows no pause."""
    live = [job for job in jobs if job.status in LIVE_STATUSES]
    if not live:
        return {}
    queue = sort_queue(list_live_jobs(session))
    places = {queued.job.id: place for place, queued in enumerate(sort_waiting(queue), start=1)}
    rest = describe_rest(session)
    etas_s = estimate_etas_s(session, queue, slots=count_pool_slots(session) or 1, paused=rest is not None)
    by_id = {queued.job.id: queued for queued in queue}
    return {
        job.id: _forecast(by_id[job.id], places.get(job.id), etas_s.get(job.id), rest)
        for job in live
        if job.id in by_id
    }


def _forecast(queued: QueuedJob, place: int | None, queue_eta_s: float | None, rest: str | None) -> Forecast:
    if queued.state == QueueState.WAITING:
        return Forecast(place, queue_eta_s, rest)
    own_eta_s = _own_eta_s(queued)
    return Forecast(eta_s=queue_eta_s if own_eta_s is None else own_eta_s)


def _own_eta_s(queued: QueuedJob) -> float | None:
    """The seconds that remain at the job's own speed, not counting the time before its render began."""
    starts = [row.started_at for row in queued.segments if row.started_at is not None]
    if not starts:
        return estimate_remaining_s(queued.job)
    return estimate_remaining_s(queued.job, since=min(starts), start_progress=RENDER_STARTS)
