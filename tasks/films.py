"""The steps of a film: check its scenes, assemble it, record it on the episode, publish it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from db.engine import SessionFactory
from db.models.jobs import LIVE_STATUSES, ProductionJob, Stage
from db.models.publications import PublicationState
from db.models.rendering import Asset
from tasks.jobs import enter_stage
from tasks.resources import resources
from tasks.retries import retrying_task
from tower.films.cache import trim_cache
from tower.films.describing import FinishedFilm
from tower.films.making import PlannedFilm, find_request_episode, plan_film
from tower.films.publishing import publish_film
from tower.films.requests import FilmRequest, read_request
from tower.films.runs import run_film
from tower.films.scenes import check_scenes
from tower.films.summary import render_film_summary
from tower.jobs import attempts
from tower.jobs.attempts import Attempt

ASSEMBLY_STARTS, ASSEMBLY_ENDS = 0.02, 0.95  # of a job's progress, 0…1
REPORT_INTERVAL_S = 0.5  # at most one write of the progress in this time
QUESTION_INTERVAL_S = 1.0  # the row is asked this often whether the job was cancelled
log = logging.getLogger("tower.runs")


@dataclass(frozen=True)
class MadeFilm:
    """A film on the disk, and its plan.

    `is_new`: whether it was assembled, not found. `commit`: of the story that it was made from.
    """

    planned: PlannedFilm
    asset_id: int
    path: Path
    commit: str | None
    is_new: bool


@retrying_task("check scenes")
def check_film_scenes(attempt: Attempt) -> FilmRequest:
    """Check that the scenes show what they should, and return the request of the job."""
    settings = resources().settings
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
        request = read_request(job)
        episode = find_request_episode(session, request)
        warnings = check_scenes(session, job, episode, request, settings=settings)
    if warnings:
        with resources().sessions.begin() as session:
            attempts.add_warnings(session, attempt, *warnings)
    return request


@retrying_task("assemble")
def make_film(attempt: Attempt, request: FilmRequest) -> MadeFilm:
    """Assemble the film, or find an equal one, and record it on the episode. A restarted run goes on where it was."""
    settings, sessions = resources().settings, resources().sessions
    with sessions() as session:
        planned = plan_film(session, request)
    with enter_stage(attempt, Stage.ASSEMBLY, progress=ASSEMBLY_STARTS) as measurements:
        watch = _Watch(sessions, attempt, f"assembling {planned.cut.duration_s:.0f} s of film")
        made = run_film(sessions, attempt, planned, settings, progress=watch.report, cancelled=watch.is_over)
        measurements["bytes"] = made.asset.bytes
        if made.is_new:
            measurements["frames"] = planned.cut.frames
    trimmed = trim_cache(settings)
    log.info("The cache of assemblies holds %s bytes", trimmed.left_bytes, extra={"removed_bytes": trimmed.bytes})
    return MadeFilm(planned, made.asset.id, Path(made.asset.path), made.asset.provenance.get("commit"), made.is_new)


@retrying_task("publish")
def publish_made_film(attempt: Attempt, request: FilmRequest, made: MadeFilm) -> None:
    """Put the film into the library, if the request asks for it. The same film is published once."""
    if not request.publish:
        return
    planned, sessions = made.planned, resources().sessions
    with enter_stage(attempt, Stage.PUBLISH, progress=ASSEMBLY_ENDS):
        finished = FinishedFilm(planned.episode, made.path, planned.cut, made.commit)
        publication = publish_film(sessions, resources().settings, finished)
        with sessions.begin() as session:
            job = attempts.lock_held_job(session, attempt)
            job.parameters = request.model_copy(update={"publication_id": publication.id}).model_dump(mode="json")
            if publication.state == PublicationState.NOT_SEEN_YET and publication.reason:
                attempts.add_warnings(session, attempt, f"Published, but not seen yet: {publication.reason}")


@retrying_task("finish")
def finish_film(attempt: Attempt, made: MadeFilm) -> None:
    """Complete the job."""
    with resources().sessions.begin() as session:
        asset = session.get_one(Asset, made.asset_id)
        attempts.complete_job(session, attempt, asset=asset, score=made.planned.score)
    log.info("Job %s: completed the film %s", attempt.job_id, made.path)


@task(name="summary")
def publish_film_summary(attempt: Attempt, made: MadeFilm) -> None:
    """Publish a page with the film and its shots."""
    with resources().sessions() as session:
        job = session.get_one(ProductionJob, attempt.job_id)
    page = render_film_summary(job, made.planned, made.path, is_new=made.is_new)
    create_markdown_artifact(page, key=f"job-{attempt.job_id}", description=job.prompt)


class _Watch:
    """Writes the progress of an assembly to its job, and asks the job whether it still goes on."""

    def __init__(self, sessions: SessionFactory, attempt: Attempt, step: str) -> None:
        self._sessions, self._attempt, self._step = sessions, attempt, step
        self._reported_at = self._asked_at = float("-inf")

    def report(self, share: float) -> None:
        now = time.monotonic()
        if now - self._reported_at < REPORT_INTERVAL_S:
            return
        self._reported_at = now
        progress = ASSEMBLY_STARTS + (ASSEMBLY_ENDS - ASSEMBLY_STARTS) * share
        with self._sessions.begin() as session:
            attempts.report_progress(session, self._attempt, progress=progress, step=self._step)

    def is_over(self) -> bool:
        """Whether the job was cancelled, or belongs to a newer attempt."""
        now = time.monotonic()
        if now - self._asked_at < QUESTION_INTERVAL_S:
            return False
        self._asked_at = now
        with self._sessions() as session:
            job = session.get(ProductionJob, self._attempt.job_id)
            return job is None or job.status not in LIVE_STATUSES or job.attempt != self._attempt.number
