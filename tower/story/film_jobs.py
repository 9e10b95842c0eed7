"""The jobs that make the films of episodes, and what an episode shows of the newest one."""

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


def find_live_film_job(session: Session, episode: LocatedRow[Episode]) -> ProductionJob | None:
    """The live job that makes the film of this episode on its branch."""
    live = _film_jobs([episode]).where(
        _BRANCH.in_([episode.branch]),
        ProductionJob.project_id == episode.project_id,
        ProductionJob.status.in_(LIVE_STATUSES),
    )
    return session.scalar(live.limit(1))


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
        .where(_IS_FILM, cast(Episode.key, Text) == _KEY, branch == _BRANCH)
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


def _film_jobs(episodes: Sequence[LocatedRow[Episode]]) -> Select[ProductionJob]:
    return select(ProductionJob).where(_IS_FILM, _KEY.in_([str(episode.row.key) for episode in episodes]))
