"""Forecasts for jobs that have not ended: the place of a waiting job in the queue, and the seconds that remain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, ProductionJob, Stage
from tower.jobs.analytics import estimate_film_s
from tower.jobs.lifecycle import estimate_remaining_s, is_shot
from tower.jobs.waiting import Awaited, find_awaited
from tower.rendering.live_jobs import read_waiting_groups
from tower.rendering.queue_eta import estimate_etas_s
from tower.rendering.queue_listing import QueuedJob, QueueState, list_started_jobs, sort_queue, sort_waiting
from tower.rendering.readiness import Readiness
from tower.rendering.segments import RENDER_STARTS
from tower.rendering.studio import Studio
from tower.rendering.workers import count_pool_slots
from tower.workflows.builtins import DEFAULT_WORKFLOWS


@dataclass(frozen=True)
class Forecast:
    """`place`: the place among the waiting jobs, from 1; None for a job that does not wait.

    `eta_s`: the seconds until the job is done if no other job comes in and the queue is not paused; None if unknown.
    `obstacle`: why it cannot begin or be rendered now. `awaited`: the renders that a film waits for.
    """

    place: int | None = None
    eta_s: float | None = None
    obstacle: str | None = None
    awaited: Awaited | None = None

    @property
    def stage(self) -> Stage | None:
        """The stage that a waiting job shows."""
        return None if self.place is None and self.awaited is None else Stage.QUEUED

    @property
    def step(self) -> str | None:
        """What a waiting job does, in words."""
        if self.awaited is not None:
            return str(self.awaited)
        if self.obstacle is not None:
            return f"waiting: {self.obstacle}"
        if self.place is None:
            return None
        return "waiting, next in line" if self.place == 1 else f"waiting, {self.place - 1} before it"


NO_FORECAST = Forecast()


def forecast_job(session: Session, job: ProductionJob, studio: Studio) -> Forecast:
    return forecast_jobs(session, [job], studio).get(job.id, NO_FORECAST)


def forecast_jobs(session: Session, jobs: Sequence[ProductionJob], studio: Studio) -> dict[int, Forecast]:
    """The forecasts of the jobs that have not ended, by id. It waits for no server."""
    live = [job for job in jobs if job.status in LIVE_STATUSES]
    if not live:
        return {}
    queue = _read_queue(session, [job.id for job in live])
    found = [(job, queue.jobs[job.id]) for job in live if job.id in queue.jobs]
    obstacles = find_obstacles(session, [queued for _, queued in found], studio)
    shots = {
        job.id: _forecast(job, queued, queue.places.get(job.id), queue.etas_s.get(job.id), obstacles.get(job.id))
        for job, queued in found
    }
    return shots | _forecast_films(session, [job for job in live if not is_shot(job)], queue.etas_s, studio)


@dataclass(frozen=True)
class _Queue:
    """The places and the remaining seconds of the live jobs, by id. `jobs` has only the wanted and the begun ones."""

    jobs: Mapping[int, QueuedJob]
    places: Mapping[int, int]
    etas_s: Mapping[int, float]


def _read_queue(session: Session, wanted: Sequence[int]) -> _Queue:
    groups = read_waiting_groups(session)
    listed = list_started_jobs(session, also=wanted)
    grouped = {job_id for group in groups for job_id in group.ids}
    begun = sort_queue(queued for queued in listed if queued.job.id not in grouped)
    waiting = [*(queued.job.id for queued in sort_waiting(begun)), *sorted(grouped)]
    etas_s = estimate_etas_s(session, begun, slots=count_pool_slots(session) or 1, paused=False, groups=groups)
    places = {job_id: place for place, job_id in enumerate(waiting, start=1)}
    return _Queue({queued.job.id: queued for queued in listed}, places, etas_s)


def find_obstacles(session: Session, jobs: Sequence[QueuedJob], studio: Studio) -> dict[int, str]:
    """Why a waiting job cannot begin or be rendered now, by the job's id; from the last answers of the servers."""
    assessed: dict[tuple[str, bool], Readiness] = {}
    obstacles: dict[int, str] = {}
    for queued in (queued for queued in jobs if queued.is_waiting and queued.state == QueueState.WAITING):
        engine = queued.segments[0].engine if queued.segments else queued.job.engine
        key = (engine, queued.is_recipe_waiting)
        if key not in assessed:
            assessed[key] = studio.assess(session, engine=engine, begins=queued.is_recipe_waiting, waits=False)
        is_default = queued.job.workflow is None or queued.job.workflow in DEFAULT_WORKFLOWS
        reason = assessed[key].reason if is_default else assessed[key].obstacle
        if reason is not None:
            obstacles[queued.job.id] = reason
    return obstacles


def _forecast_films(
    session: Session, films: Sequence[ProductionJob], etas_s: Mapping[int, float], studio: Studio
) -> dict[int, Forecast]:
    """The forecasts of the films that wait for renders: the last of these, and then the usual seconds of a film.

    One that waits for a worker says so only if none can take it.
    """
    waiting = {job_id: awaited for job_id, awaited in find_awaited(session, films).items() if awaited.live}
    film_s = estimate_film_s(session) if waiting else None
    stop = studio.find_recipe_stop() if len(waiting) < len(films) else None
    stopped = [film.id for film in films if film.id not in waiting and _has_to_begin(film)] if stop else []
    return {job_id: Forecast(obstacle=stop) for job_id in stopped} | {
        job_id: Forecast(eta_s=_film_eta_s([etas_s.get(one) for one in awaited.live], film_s), awaited=awaited)
        for job_id, awaited in waiting.items()
    }


def _has_to_begin(film: ProductionJob) -> bool:
    """Whether no run makes the film yet, or another one has to begin."""
    return film.stage == Stage.QUEUED or film.launch_after is not None


def _film_eta_s(renders_s: Sequence[float | None], film_s: float | None) -> float | None:
    known_s = [seconds for seconds in renders_s if seconds is not None]
    return None if film_s is None or len(known_s) < len(renders_s) else round(max(known_s) + film_s, 1)


def _forecast(
    job: ProductionJob, queued: QueuedJob, place: int | None, queue_eta_s: float | None, obstacle: str | None
) -> Forecast:
    if queued.state == QueueState.WAITING:
        return Forecast(place, queue_eta_s if obstacle is None else None, obstacle)
    own_eta_s = _own_eta_s(job, queued)
    return Forecast(eta_s=queue_eta_s if own_eta_s is None else own_eta_s)


def _own_eta_s(job: ProductionJob, queued: QueuedJob) -> float | None:
    """The seconds that remain at the job's own speed, not counting the time before its render began."""
    starts = [row.started_at for row in queued.segments if row.started_at is not None]
    if not starts:
        return estimate_remaining_s(job)
    return estimate_remaining_s(job, since=min(starts), start_progress=RENDER_STARTS)
