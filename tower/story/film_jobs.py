"""The jobs that make the films of episodes."""

from __future__ import annotations

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import LIVE_STATUSES, ProductionJob
from tower.story.entities import LocatedRow

_IS_FILM = text("job_type = 'episode_assembly'")  # the same text as in the index


def find_live_film_job(session: Session, episode: LocatedRow[Episode]) -> ProductionJob | None:
    """The live job that makes the film of this episode on its branch."""
    live = select_film_jobs(episode).where(ProductionJob.status.in_(LIVE_STATUSES))
    return session.scalar(live.limit(1))


def select_film_jobs(episode: LocatedRow[Episode]) -> Select[ProductionJob]:
    """A query for the jobs that make or made the film of this episode on its branch, the newest first."""
    return (
        select(ProductionJob)
        .where(
            _IS_FILM,
            ProductionJob.parameters["episode_key"].astext == str(episode.row.key),
            ProductionJob.parameters["branch"].astext == episode.branch,
            ProductionJob.project_id == episode.project_id,
        )
        .order_by(ProductionJob.id.desc())
    )
