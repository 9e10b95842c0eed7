"""The jobs that make the films and trailers of episodes, and what an episode shows of the newest film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Select, Text, case, cast, literal_column, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from db.models.episodes import Episode, EpisodeStatus
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from db.models.versions import Branch
from tower.story.entities import LocatedRow

FAILED_STATUSES = (JobStatus.FAILED, JobStatus.MERGE_FAILED)
# The same texts as in the index.
_IS_FILM = text("job_type = 'episode_assembly'")
_KEY: ColumnElement[str] = literal_column("(parameters ->> 'episode_key')", Text())
_BRANCH: ColumnElement[str] = ProductionJob.parameters["branch"].astext
_SECONDS: ColumnElement[str] = ProductionJob.parameters["trailer_seconds"].astext  # null for a film


def find_live_film_job(
    session: Session, episode: LocatedRow[Episode], *, is_trailer: bool = False
) -> ProductionJob | None:
    """The live job that makes the film of this episode on its branch, or its trailer."""
    jobs = _film_jobs([episode], is_trailer=is_trailer).where(*_place(episode))
    return session.scalar(jobs.where(ProductionJob.status.in_(LIVE_STATUSES)).limit(1))


def find_trailer_job(session: Session, episode: LocatedRow[Episode]) -> ProductionJob | None:
    """The last job that has made a trailer of this episode on its branch; its output is the trailer."""
    jobs = _film_jobs([episode], is_trailer=True).where(*_place(episode))
    done = jobs.where(ProductionJob.status == JobStatus.COMPLETED)
    return session.scalar(done.order_by(ProductionJob.id.desc()).limit(1))


def newest_film_jobs(session: Session, episodes: Sequence[LocatedRow[Episode]]) -> Mapping[int, ProductionJob]:
    """The newest job of the film of each episode on its branch, by the id of the episode's row."""
    if not episodes:
        return {}
    place = (_KEY, _BRANCH, ProductionJob.project_id)
    newest = _film_jobs(episodes).ext(distinct_on(*place)).order_by(*place, ProductionJob.id.desc())
    made = ((job, job.parameters) for job in session.scalars(newest))
    jobs = {(job.project_id, asked["branch"], asked["episode_key"]): job for job, asked in made}
    rows = {(episode.project_id, episode.branch, str(episode.row.key)): episode.row.id for episode in episodes}
    return {row_id: jobs[place] for place, row_id in rows.items() if place in jobs}


def current_status(episode: Episode, newest: ProductionJob | None) -> EpisodeStatus:
    """The status that an episode shows: that of the newest job while it runs or has failed, else its own."""
    if newest is not None and newest.status in LIVE_STATUSES:
        return EpisodeStatus.PROCESSING
    if newest is not None and newest.status in FAILED_STATUSES:
        return EpisodeStatus.FAILED
    return episode.status


def shows_status(status: EpisodeStatus) -> ColumnElement[bool]:
    """The condition that an episode shows this status."""
    branch = select(Branch.name).where(Branch.id == Episode.branch_id).scalar_subquery()
    newest = (
        select(cast(ProductionJob.status, Text))
        .where(_IS_FILM, _SECONDS.is_(None), cast(Episode.key, Text) == _KEY, branch == _BRANCH)
        .where(ProductionJob.project_id == Episode.project_id)
        .order_by(ProductionJob.id.desc())
        .limit(1)
        .correlate(Episode)
        .scalar_subquery()
    )
    shown = case(
        (newest.in_([one.value for one in LIVE_STATUSES]), EpisodeStatus.PROCESSING.value),
        (newest.in_([one.value for one in FAILED_STATUSES]), EpisodeStatus.FAILED.value),
        else_=cast(Episode.status, Text),
    )
    return shown == status.value


def _film_jobs(episodes: Sequence[LocatedRow[Episode]], *, is_trailer: bool = False) -> Select[ProductionJob]:
    kind = _SECONDS.is_not(None) if is_trailer else _SECONDS.is_(None)
    return select(ProductionJob).where(_IS_FILM, kind, _KEY.in_([str(episode.row.key) for episode in episodes]))


def _place(episode: LocatedRow[Episode]) -> tuple[ColumnElement[bool], ...]:
    return _BRANCH.in_([episode.branch]), ProductionJob.project_id == episode.project_id
