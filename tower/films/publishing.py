"""Publishes the film of an episode, and keeps on the episode whether it is published."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.episodes import Episode, EpisodeStatus
from db.models.publications import Publication
from tower.films.describing import FinishedFilm, describe_film, list_moments
from tower.publishing.setup import look_in_jellyfin, open_publisher
from tower.publishing.stills import write_stills
from tower.settings import Settings
from tower.story.entities import LocatedRow

SEEN_WITHIN_S = 30.0  # a job waits this long for Jellyfin; the reconciler asks again later


def publish_film(
    sessions: SessionFactory, settings: Settings, finished: FinishedFilm, *, seen_within_s: float = SEEN_WITHIN_S
) -> Publication:
    """Put the film into the library, then wait for Jellyfin to show it, if one is configured.

    The same film again changes nothing. The state is `published` without a Jellyfin, else `visible` or `not_seen_yet`.
    Raises InvalidError, ConflictError, CredentialsError, MediaUnreadableError, DiskFullError.
    """
    with TemporaryDirectory(prefix="tower-stills-") as folder:
        stills = write_stills(list_moments(finished.cut), Path(folder))
        with sessions() as session:
            film = describe_film(session, settings, finished, stills)
        row = open_publisher(sessions, settings).publish(film)
    with sessions.begin() as session:
        record_published(session, finished.episode, row)
    return look_in_jellyfin(sessions, settings, row, within_s=seen_within_s)


def record_published(session: Session, episode: LocatedRow[Episode], row: Publication) -> None:
    """Note on the episode where its film is. On other branches it is no longer the published one."""
    _clear_published(session, row, except_branch=episode.row.branch_id)
    session.execute(
        update(Episode)
        .where(Episode.id == episode.row.id, Episode.video_path.is_not(None))
        .values(status=EpisodeStatus.PUBLISHED, published_path=row.path, published_at=row.published_at),
        execution_options={"synchronize_session": False},
    )


def note_published(session: Session, row: Publication) -> None:
    """Note on the episode, on the branch whose film it is or else on each, where an earlier version of its film is."""
    rows = select(Episode).where(Episode.project_id == row.project_id, Episode.key == row.episode_key)
    rows = rows.where(Episode.video_path.is_not(None))
    found = session.scalars(rows).all()
    for episode in [one for one in found if one.status == EpisodeStatus.PUBLISHED] or found:
        episode.status = EpisodeStatus.PUBLISHED
        episode.published_path, episode.published_at = row.path, row.published_at


def record_unpublished(session: Session, row: Publication) -> None:
    """Note on the episode, on every branch, that its film has left the library."""
    _clear_published(session, row)


def _clear_published(session: Session, row: Publication, *, except_branch: int = 0) -> None:
    status = case((Episode.status == EpisodeStatus.PUBLISHED, EpisodeStatus.COMPLETED), else_=Episode.status)
    session.execute(
        update(Episode)
        .where(Episode.project_id == row.project_id, Episode.key == row.episode_key)
        .where(Episode.published_path.is_not(None), Episode.branch_id != except_branch)
        .values(status=status, published_path=None, published_at=None),
        execution_options={"synchronize_session": False},
    )
