"""Tracks: the rows of the library, created from files and updated when the files change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.errors import NotFoundError
from tower.library.columns import clamp_mtime_ns, fit_track
from tower.library.reading import EXTENSIONS, TrackFacts, read_facts
from tower.library.roots import LibraryPath, split_library_path
from tower.library.tags import genre_names
from tower.library.text import normalise, searchable_text
from tower.media.decode import MediaUnreadableError
from tower.media.files import sha256_of_open
from tower.media.roots import open_media

MAX_PATH_BYTES = 2000  # root, folder and name together; longer ones do not fit into an index
UNSTORABLE = "its path is not UTF-8, or is longer than 2,000 bytes"


@dataclass(frozen=True)
class ScannedFile:
    """A file that was read. `size_bytes` and `mtime_ns` are those of the open file."""

    library_path: LibraryPath
    sha256: str
    size_bytes: int
    mtime_ns: int
    facts: TrackFacts


def find(session: Session, track_id: int) -> Track:
    """Raises NotFoundError."""
    track = session.get(Track, track_id)
    if track is None:
        raise NotFoundError(f"There is no track {track_id}")
    return track


def find_at(session: Session, place: LibraryPath) -> Track | None:
    """The track of this path, whether its file is there or not."""
    same = (Track.root == str(place.root), Track.folder == place.folder, Track.filename == place.filename)
    return session.scalar(select(Track).where(*same))


def get_or_add_track(session: Session, path: Path, *, roots: Sequence[Path]) -> Track:
    """The track of a file. A file that is not in the library yet is added.

    `path` is resolved, as `resolve_media_path` returns it. Raises InvalidError outside the library and
    MediaUnreadableError for a file that is not music.
    """
    place = split_library_path(path, roots)
    if not is_storable(place):
        raise MediaUnreadableError(f"{place.filename[:200]}: {UNSTORABLE}")
    row = find_at(session, place)
    with open_media(path, roots=roots) as file:
        stat = os.fstat(file.fileno())
    if row is not None and (row.bytes, row.mtime_ns) == (stat.st_size, clamp_mtime_ns(stat.st_mtime_ns)):
        row.missing_since = None
        return row
    return save_track(session, scan_file(place, roots=roots))


def scan_file(library_path: LibraryPath, *, roots: Sequence[Path]) -> ScannedFile:
    """Read the facts and the hash of a file. Raises InvalidError, MediaUnreadableError."""
    with open_media(library_path.full_path, roots=roots) as file:
        stat = os.fstat(file.fileno())
        facts = read_facts(file, library_path.filename, stat.st_size)
        digest = sha256_of_open(file)
    return ScannedFile(library_path, digest, stat.st_size, clamp_mtime_ns(stat.st_mtime_ns), facts)


def save_track(session: Session, scanned_file: ScannedFile) -> Track:
    """Write a file into the row of its path, or that of the file that was moved here, or a new row.

    A file that Tower has stored itself gets the row of the file that it was copied from, which does not change.
    """
    values = fit_track(_values(scanned_file))
    row = find_at(session, scanned_file.library_path) or _row_of_moved(session, scanned_file)
    if row is None and scanned_file.library_path.is_written_by_tower:
        original = session.scalar(_same_content(scanned_file).where(Track.missing_since.is_(None)).limit(1))
        if original is not None:
            return original
    if row is None:
        new = (
            insert(Track)
            .values(**values)
            .on_conflict_do_update(index_elements=[Track.root, Track.folder, Track.filename], set_=values)
        )
        return session.scalars(new.returning(Track), execution_options={"populate_existing": True}).one()
    if row.sha256 != scanned_file.sha256:  # the content changed, so its measurements no longer apply
        row.quality = row.quality_measured_at = row.analysed_bpm = row.analysed_confidence = None
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return row


def is_music(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122 - called 100,000 times per scan


def is_storable(library_path: LibraryPath) -> bool:
    """Whether a row can hold the path: it is UTF-8 and not too long."""
    try:
        return len(str(library_path.full_path).encode()) <= MAX_PATH_BYTES
    except UnicodeEncodeError:
        return False


def library_path_of(row: Track) -> LibraryPath:
    return LibraryPath(Path(row.root), row.folder, row.filename)


def _row_of_moved(session: Session, taken: ScannedFile) -> Track | None:
    """The track with this content whose own file is gone, is a copy by Tower, or the same in another library folder."""
    here = taken.library_path
    for row in session.scalars(_same_content(taken)):
        place = library_path_of(row)
        is_copy = place.is_written_by_tower and not here.is_written_by_tower
        if is_copy or place.full_path == here.full_path or not os.path.lexists(place.full_path):
            return row
    return None


def _same_content(taken: ScannedFile) -> Select[Track]:
    return select(Track).where(Track.sha256 == taken.sha256).order_by(Track.id)


def _values(taken: ScannedFile) -> dict[str, Any]:
    facts, place, tags = taken.facts, taken.library_path, taken.facts.tags
    title = tags.title or Path(place.filename).stem
    return {
        "root": str(place.root),
        "folder": place.folder,
        "filename": place.filename,
        "sha256": taken.sha256,
        "bytes": taken.size_bytes,
        "mtime_ns": taken.mtime_ns,
        "missing_since": None,
        "kind": facts.kind,
        "codec": facts.codec,
        "title": title,
        "artist": _joined(tags.artists),
        "artists": list(tags.artists),
        "album": tags.album,
        "album_artist": _joined(tags.album_artists),
        "genre": _joined(tags.genres),
        "genres": list(tags.genres),
        "genre_keys": list(dict.fromkeys(map(normalise, genre_names(tags.genres)))),
        "duration_s": facts.duration_s,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "bitrate": facts.bitrate,
        "gain_db": tags.gain_db,
        "fault": facts.fault,
        "tag_bpm": tags.bpm,
        "title_text": normalise(title),
        "genre_text": " / ".join(map(normalise, tags.genres)) or None,
        "search_text": searchable_text(title, *tags.artists, tags.album, *tags.album_artists, place.folder),
    }


def _joined(values: Sequence[str]) -> str | None:
    return "; ".join(values) or None
