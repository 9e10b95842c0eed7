"""Playlists: lists of tracks in an order that the user chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from db.models.library import Playlist, PlaylistTrack, Track
from tower.errors import InvalidError, NotFoundError
from tower.pages import Page, PageRequest, fetch_page

MAX_TRACKS = 10_000  # tracks in one list


@dataclass(frozen=True)
class PlaylistSize:
    """The size of a playlist. `duration_s` is that of all tracks together."""

    tracks: int = 0
    duration_s: float = 0.0


def find(session: Session, playlist_id: int, *, for_update: bool = False) -> Playlist:
    """Raises NotFoundError."""
    playlist = session.get(Playlist, playlist_id, with_for_update=for_update)
    if playlist is None:
        raise NotFoundError(f"There is no playlist {playlist_id}")
    return playlist


def page(session: Session, page_request: PageRequest) -> Page[Playlist]:
    return fetch_page(session, select(Playlist), Playlist.id, page=page_request)


def playlist_sizes(session: Session, playlist_ids: Sequence[int]) -> dict[int, PlaylistSize]:
    """The sizes of playlists by id. An empty playlist has no entry."""
    rows = session.execute(
        select(PlaylistTrack.playlist_id, func.count(), func.sum(Track.duration_s))
        .join(Track, Track.id == PlaylistTrack.track_id)
        .where(PlaylistTrack.playlist_id.in_(playlist_ids))
        .group_by(PlaylistTrack.playlist_id)
    )
    return {playlist_id: PlaylistSize(count, seconds) for playlist_id, count, seconds in rows}


def list_tracks(session: Session, playlist_id: int) -> Sequence[Track]:
    """The tracks of a playlist in order. Raises NotFoundError."""
    find(session, playlist_id)
    rows = select(Track).join(PlaylistTrack, PlaylistTrack.track_id == Track.id)
    return session.scalars(rows.where(PlaylistTrack.playlist_id == playlist_id).order_by(PlaylistTrack.position)).all()


def create(session: Session, name: str, *, description: str | None, track_ids: Sequence[int]) -> Playlist:
    """Raises InvalidError for an unknown track."""
    playlist = Playlist(name=name, description=description)
    session.add(playlist)
    session.flush()
    replace_tracks(session, playlist, track_ids)
    return playlist


def replace_tracks(session: Session, playlist: Playlist, track_ids: Sequence[int]) -> None:
    """Replace the tracks of a playlist. Raises InvalidError for an unknown track."""
    _require_tracks(session, track_ids)
    session.execute(delete(PlaylistTrack).where(PlaylistTrack.playlist_id == playlist.id))
    if track_ids:
        rows = [
            {"playlist_id": playlist.id, "position": position, "track_id": track_id}
            for position, track_id in enumerate(track_ids, start=1)
        ]
        session.execute(insert(PlaylistTrack), rows)
    playlist.updated_at = func.now()
    session.flush()
    session.refresh(playlist)


def remove(session: Session, playlist_id: int) -> Playlist:
    """Delete a playlist; its tracks stay in the library. Raises NotFoundError."""
    playlist = find(session, playlist_id, for_update=True)
    session.delete(playlist)
    session.flush()
    return playlist


def _require_tracks(session: Session, track_ids: Sequence[int]) -> None:
    known = set(session.scalars(select(Track.id).where(Track.id.in_(set(track_ids)))))
    unknown = next((track_id for track_id in track_ids if track_id not in known), None)
    if unknown is not None:
        raise InvalidError.field("track_ids", unknown, "the id of a track")
