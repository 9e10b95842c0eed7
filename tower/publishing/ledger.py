"""The ledger of publications: which version of an episode is in the library, under which name, and which ones were."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.publications import IN_PLACE, Publication, PublicationState
from tower.errors import ConflictError, NotFoundError
from tower.names import name_key
from tower.publishing.film import EpisodeRef, Film
from tower.publishing.layout import Layout
from tower.publishing.names import folder_name
from tower.publishing.nfo import read_series_key
from tower.webhooks.events import record_publication

LIBRARY_LOCK_ID = 0x6C_69_62_72  # an arbitrary advisory lock id, held while names are chosen
LOCK_POLL_S = 0.05
OCCUPYING = (*IN_PLACE, PublicationState.PUBLISHING)


@contextmanager
def lock_episode(sessions: SessionFactory, episode: EpisodeRef, *, wait_s: float) -> Iterator[None]:
    """Let one process at a time publish the episode. Raises ConflictError if another one does for `wait_s`.

    The lock belongs to a transaction. It is free a moment after its process ends, when PostgreSQL notices that.
    """
    session = sessions()
    try:
        session.execute(text("set local idle_in_transaction_session_timeout = 0"))
        lock_id = func.hashtextextended(f"tower.publications:{episode.series_key}:{episode.episode_key}", 0)
        end = time.monotonic() + wait_s
        while not session.scalar(select(func.pg_try_advisory_xact_lock(lock_id))):
            if time.monotonic() > end:
                raise ConflictError(f"Another process publishes the episode {episode.episode_key}")
            time.sleep(LOCK_POLL_S)
        yield
    finally:
        with suppress(DBAPIError):
            session.rollback()
        session.close()


def lock_names(session: Session) -> None:
    """Choose names in one transaction at a time, so that two series never get one folder."""
    session.execute(select(func.pg_advisory_xact_lock(LIBRARY_LOCK_ID)))


def find_in_place(session: Session, library: Path, episode: EpisodeRef) -> Publication | None:
    return _find(session, library, episode, IN_PLACE)


def find_interrupted(session: Session, library: Path, episode: EpisodeRef) -> Publication | None:
    """The publication that a killed process left."""
    return _find(session, library, episode, (PublicationState.PUBLISHING,))


def find_previous(session: Session, library: Path, episode: EpisodeRef, number: int | None) -> Publication:
    """The version with this id, or the one before the present one. Raises NotFoundError."""
    current = find_in_place(session, library, episode)
    rows = select_history(library, episode).where(
        Publication.state.in_((PublicationState.REPLACED, PublicationState.UNPUBLISHED))
    )
    if number is not None:
        rows = rows.where(Publication.id == number)
    elif current is not None:
        rows = rows.where(Publication.content_sha256 != current.content_sha256)
    found = session.scalar(rows.order_by(Publication.id.desc()).limit(1))
    if found is None:
        which = f" {number}" if number else ""
        raise NotFoundError(f"The episode {episode.episode_key} has no earlier publication{which}")
    return found


def find_inspected(session: Session, master_sha256: str) -> Publication | None:
    """A publication of the same film, of whatever episode."""
    rows = select(Publication).where(Publication.master_sha256 == master_sha256)
    return session.scalar(rows.order_by(Publication.id.desc()).limit(1))


def select_history(library: Path, episode: EpisodeRef) -> Select[Publication]:
    """A query for all publications of an episode."""
    return select(Publication).where(Publication.library == str(library), _is_of(episode))


def find_ref(session: Session, library: Path, episode_key: UUID, *, project_id: int | None = None) -> EpisodeRef:
    """The series of an episode that is or was published, also after the episode or its project is gone.

    Raises NotFoundError, and ConflictError for an episode of several series, which copies of a project have.
    """
    rows = select(Publication.series_key, Publication.project_id).distinct()
    rows = rows.where(Publication.library == str(library), Publication.episode_key == episode_key)
    if project_id is not None:
        rows = rows.where(Publication.project_id == project_id)
    found = session.execute(rows).all()
    if not found:
        raise NotFoundError(f"The episode {episode_key} was never published")
    if len({series_key for series_key, _ in found}) > 1:
        projects = sorted({owner for _, owner in found if owner is not None})
        raise ConflictError(
            f"Episode {episode_key} is in the projects {', '.join(map(str, projects))}: name one with project_id",
            details={"project_ids": projects},
        )
    return EpisodeRef(found[0][0], episode_key)


def choose_layout(session: Session, library: Path, film: Film) -> Layout:
    """The place of the film. A series keeps the folder of its first publication, so that watch states survive."""
    kept = session.scalar(
        select(Publication.series_folder)
        .where(Publication.library == str(library), Publication.series_key == film.series.key)
        .where(Publication.state != PublicationState.FAILED)
        .order_by(Publication.id.desc())
        .limit(1)
    )
    folder = kept or _free_folder(session, library, film)
    return Layout(library, folder, film.season, film.number)


def check_path_free(session: Session, layout: Layout, episode: EpisodeRef) -> None:
    """Raises ConflictError if another episode, or a file that Tower did not write, is at the place."""
    path = str(layout.video)
    other = session.scalar(
        select(Publication.episode_key)
        .where(Publication.path == path, ~_is_of(episode), Publication.state.in_(OCCUPYING))
        .limit(1)
    )
    if other is not None:
        raise ConflictError(f"Another episode ({other}) is published as {path}; unpublish it, or change a number")
    is_ours = session.scalar(select(Publication.id).where(Publication.path == path).limit(1)) is not None
    if layout.video.exists() and not is_ours:
        raise ConflictError(f"{path} exists and Tower did not write it; move it away first")


def newest_date(session: Session, path: Path) -> datetime | None:
    """The latest date that a file published at the path got."""
    return session.scalar(select(func.max(Publication.modified_at)).where(Publication.path == str(path)))


def may_bring_poster(session: Session, library: Path, episode: EpisodeRef) -> bool:
    """Whether the series has no poster of another episode: it keeps that of the first one while that is published."""
    other = select(Publication.id).where(
        Publication.library == str(library),
        Publication.series_key == episode.series_key,
        Publication.episode_key != episode.episode_key,
        Publication.poster_path.is_not(None),
        Publication.state.in_(OCCUPYING),
    )
    return session.scalar(other.limit(1)) is None


def files_of_others(session: Session, library: Path, episode: EpisodeRef) -> set[str]:
    """The files of all other episodes in the library."""
    rows = session.scalars(
        select(Publication.files).where(
            Publication.library == str(library),
            ~_is_of(episode),
            Publication.state.in_(OCCUPYING),
        )
    )
    return {file for files in rows for file in files}


def put_in_place(session: Session, row: Publication) -> None:
    """Record that the file of the publication is in the library, in place of the one before.

    The calls of webhooks are written in the same transaction.
    """
    before = find_in_place(session, Path(row.library), ref_of(row))
    now = datetime.now(UTC)
    if before is not None and before.id != row.id:
        before.state, before.ended_at = PublicationState.REPLACED, now
        session.flush()  # the unique index allows one at a time
    row.state, row.published_at, row.reason = PublicationState.PUBLISHED, now, None
    record_publication(session, row)


def record_failure(row: Publication, reason: str) -> None:
    row.state, row.reason, row.ended_at = PublicationState.FAILED, reason, datetime.now(UTC)


def has_neighbours(session: Session, row: Publication, *, in_season: bool) -> bool:
    """Whether another episode of the series, or of its season, is in the library."""
    others = select(Publication.id).where(
        Publication.library == row.library,
        Publication.series_folder == row.series_folder,
        Publication.episode_key != row.episode_key,
        Publication.state.in_(OCCUPYING),
    )
    if in_season:
        others = others.where(Publication.season == row.season)
    return session.scalar(others.limit(1)) is not None


def ref_of(row: Publication) -> EpisodeRef:
    return EpisodeRef(row.series_key, row.episode_key)


def _is_of(episode: EpisodeRef) -> ColumnElement[bool]:
    return and_(Publication.episode_key == episode.episode_key, Publication.series_key == episode.series_key)


def _find(
    session: Session, library: Path, episode: EpisodeRef, states: Sequence[PublicationState]
) -> Publication | None:
    return session.scalar(select_history(library, episode).where(Publication.state.in_(states)))


def _free_folder(session: Session, library: Path, film: Film) -> str:
    """A folder that neither another series of the ledger nor anything else on the disk has."""
    rows = session.scalars(
        select(Publication.series_folder).where(
            Publication.library == str(library), Publication.series_key != film.series.key
        )
    )
    used = {name_key(name) for name in rows}
    used |= {name_key(entry.name) for entry in _foreign_folders(library, film.series.key)}
    copy = 1
    while name_key(name := folder_name(film.series.name, film.series.year, copy)) in used:
        copy += 1
    return name


def _foreign_folders(library: Path, series_key: str) -> Iterator[Path]:
    for entry in library.iterdir() if library.is_dir() else ():
        nfo = entry / "tvshow.nfo"
        if not (nfo.is_file() and read_series_key(nfo.read_bytes()) == series_key):
            yield entry
