"""Saves the playlists of other programs so that an import loses nothing, and says each difference.

A playlist here was perhaps changed since its last import, and so was its source. `imported_track_ids` is what both had
then; the changes of both sides are kept.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models.library import Playlist, PlaylistTrack
from tower.library.columns import storable_text
from tower.library.import_result import ImportResult
from tower.library.playlists import MAX_TRACKS, replace_tracks
from tower.names import repair_name

MAX_NAME_LENGTH = 200  # characters, as in POST /playlists
NAMELESS = "A playlist without a name"
IMPORT_LOCK = 7_238_011_907  # advisory lock, next to that of the scans: two imports may save the same playlist


@dataclass(frozen=True)
class SourcePlaylist:
    """A playlist as its source has it.

    `source_id` identifies it among all libraries and files, `earlier_id` is what older versions of Tower kept for it.
    `unknown` counts its entries whose file was not found.
    """

    name: str
    source_id: str
    track_ids: Sequence[int]
    unknown: int = 0
    earlier_id: str | None = None


def save_playlist(session: Session, result: ImportResult, source: SourcePlaylist) -> None:
    """Create or update the playlist of this source."""
    session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": IMPORT_LOCK})
    source = replace(source, name=_accepted_name(result, source.name))
    if len(source.track_ids) > MAX_TRACKS:
        kept = f"only the first {MAX_TRACKS} were imported"
        result.skip(source.name, f"it has {len(source.track_ids)} tracks: {kept}")
    playlist = _find(session, result.source, source)
    if playlist is None and source.unknown and not source.track_ids:
        result.note(source.name, "none of its entries is in the library, so no playlist was made")
        return
    imported = list(source.track_ids[:MAX_TRACKS])
    common: list[int] | None = imported
    if playlist is None:
        playlist = Playlist(source=result.source, name=source.name)
        session.add(playlist)
        session.flush()
        merged = imported
    else:
        merged, common = _merge(session, result, playlist, source=source, imported=imported)
    if playlist.name != source.name:
        result.note(source.name, f"it was called {playlist.name} here")
    playlist.name, playlist.source_id, playlist.imported_track_ids = source.name, source.source_id, common
    session.flush()
    if merged != _track_ids(session, playlist):
        replace_tracks(session, playlist, merged)
    result.playlists += 1


def _accepted_name(result: ImportResult, name: str) -> str:
    """The name in the form that POST /playlists accepts. What is lost of it is noted."""
    accepted = repair_name(repair_name(storable_text(name))[:MAX_NAME_LENGTH]) or NAMELESS
    if accepted != unicodedata.normalize("NFC", name).strip():
        result.note(accepted, f"its source calls it {name[:MAX_NAME_LENGTH]!a}, with what a name cannot hold")
    return accepted


def note_deleted(session: Session, result: ImportResult, *, library_id: str, present: set[str]) -> None:
    """Say which playlists of this library are no longer in it. They stay."""
    mine = select(Playlist).where(
        Playlist.source == result.source, Playlist.source_id.startswith(f"{library_id}:", autoescape=True)
    )
    for playlist in session.scalars(mine.order_by(Playlist.id)):
        if playlist.source_id not in present:
            result.note(playlist.name, "it is no longer in the library; it was kept here")


def merge_tracks(ours: Sequence[int], theirs: Sequence[int], *, before: Sequence[int] | None) -> list[int]:
    """The tracks after both sides changed what they had `before`. Without it, nothing of either side is removed."""
    if before is None:
        return [*theirs, *_without(ours, theirs)]
    if list(theirs) == list(before):
        return list(ours)
    added_here = _without(_without(ours, before), _without(theirs, before))
    return [*_without(theirs, _without(before, ours)), *added_here]


def _merge(
    session: Session, result: ImportResult, playlist: Playlist, *, source: SourcePlaylist, imported: list[int]
) -> tuple[list[int], list[int] | None]:
    """The tracks after the import, and what the next import takes as the common state."""
    ours = _track_ids(session, playlist)
    before = playlist.imported_track_ids
    if source.unknown or not imported:  # entries that were not found look like removed ones
        new = _without(imported, [*ours, *(before or ())])
        merged, common = [*ours, *new], None if before is None else [*before, *new]
        if left := len(_without(ours, imported)):
            reason = "entries of its source were not found" if source.unknown else "its source is empty now"
            result.note(source.name, f"{_count(left)} kept, because {reason}")
    else:
        merged, common = merge_tracks(ours, imported, before=before), imported
        for change in _describe_changes(ours, imported, merged):
            result.note(source.name, change)
    return merged[:MAX_TRACKS], common


def _describe_changes(ours: list[int], theirs: list[int], merged: list[int]) -> Iterator[str]:
    if removed := len(_without(ours, merged)):
        yield f"{_count(removed)} removed, as in its source"
    if added := len(_without(merged, theirs)):
        yield f"{_count(added)} kept that its source does not have"
    if absent := len(_without(theirs, merged)):
        yield f"{_count(absent)} left out, as removed here"


def _count(tracks: int) -> str:
    return "1 track was" if tracks == 1 else f"{tracks} tracks were"


def _without(tracks: Sequence[int], others: Sequence[int]) -> list[int]:
    """The tracks in order, without as many of each as the others have."""
    taken = Counter(others)
    left = []
    for track in tracks:
        if taken[track] > 0:
            taken[track] -= 1
        else:
            left.append(track)
    return left


def _find(session: Session, kind: str, source: SourcePlaylist) -> Playlist | None:
    ids = [source.source_id] + ([source.earlier_id] if source.earlier_id else [])
    for source_id in ids:
        same = (Playlist.source == kind, Playlist.source_id == source_id)
        if playlist := session.scalar(select(Playlist).where(*same).with_for_update()):
            return playlist
    return None


def _track_ids(session: Session, playlist: Playlist) -> list[int]:
    rows = select(PlaylistTrack.track_id).where(PlaylistTrack.playlist_id == playlist.id)
    return list(session.scalars(rows.order_by(PlaylistTrack.position)))
