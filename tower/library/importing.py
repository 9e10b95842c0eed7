"""Imports the lists of other programs: the Library.xml that Apple Music and iTunes export, and m3u8 playlists.

An entry is imported if its file is in the library; the others are reported with the reason. Importing the same file
again updates the playlists that came from it.
"""

from __future__ import annotations

import os
import plistlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit
from xml.parsers.expat import ExpatError

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.library import Playlist, Track
from tower.errors import InvalidError, TowerError
from tower.errors.foreign import reason_of
from tower.library.columns import MAX_BPM, MIN_BPM
from tower.library.playlists import MAX_TRACKS, replace_tracks
from tower.library.tags import MAX_TEXT_LENGTH
from tower.library.tracks import get_or_add_track
from tower.media.roots import open_media, resolve_media_path

LARGEST_BYTES = 400 << 20  # a Library.xml holds about 2 kB per track
MAX_LISTED_SKIPS = 100  # skipped entries that the answer lists
BATCH_SIZE = 100  # tracks per transaction
FolderMappings = Sequence[tuple[str, Path]]


@dataclass(frozen=True)
class SkippedImport:
    name: str
    reason: str


@dataclass
class ImportResult:
    """The result of an import. `skipped` lists at most MAX_LISTED_SKIPS entries; `skipped_count` counts all."""

    source: str
    tracks_known: int = 0
    playlists: int = 0
    skipped: list[SkippedImport] = field(default_factory=list)
    skipped_count: int = 0

    def skip(self, name: str, reason: str) -> None:
        self.skipped_count += 1
        if len(self.skipped) < MAX_LISTED_SKIPS:
            self.skipped.append(SkippedImport(_printable(name), reason))


class _UnusableEntryError(Exception):
    """An entry cannot be imported; the message is the reason."""


def import_file(
    sessions: SessionFactory, path: str, *, roots: Sequence[Path], folder_mappings: FolderMappings = ()
) -> ImportResult:
    """Import a Library.xml or an m3u playlist.

    `folder_mappings` maps folders named in a Library.xml to folders on this machine, as (old, new). Raises InvalidError
    if the file is of another kind, too large or not readable.
    """
    found = resolve_media_path(path, roots=roots)
    ending = found.suffix.lower()
    if ending not in (".xml", ".m3u8", ".m3u"):
        raise InvalidError.field("path", path, "a Library.xml, an .m3u8 or an .m3u file")
    with open_media(found, roots=roots) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_BYTES:
            raise InvalidError.field("path", path, f"a list of at most {LARGEST_BYTES >> 20} MB")
        if ending == ".xml":
            return _ITunesImport(sessions, roots, folder_mappings).import_library(_read_plist(file, path))
        return _import_m3u(sessions, found, file.read(), roots)


class _ITunesImport:
    def __init__(self, sessions: SessionFactory, roots: Sequence[Path], moved: FolderMappings) -> None:
        self._sessions = sessions
        self._roots = roots
        self._moved = moved
        self._result = ImportResult("itunes_xml")
        self._ids: dict[int, int] = {}  # the track's id here, by the id inside the file

    def import_library(self, library: Mapping[str, Any]) -> ImportResult:
        entries = [item for item in library["Tracks"].values() if isinstance(item, dict)]
        for first in range(0, len(entries), BATCH_SIZE):
            with self._sessions.begin() as session:
                for entry in entries[first : first + BATCH_SIZE]:
                    self._import_track(session, entry)
        for playlist in library.get("Playlists") or []:
            if isinstance(playlist, dict) and not any(
                playlist.get(mark) for mark in ("Master", "Distinguished Kind", "Folder")
            ):
                with self._sessions.begin() as session:
                    self._import_playlist(session, playlist)
        self._result.tracks_known = len(set(self._ids.values()))
        return self._result

    def _import_track(self, session: Session, entry: Mapping[str, Any]) -> None:
        name = " – ".join(str(entry[key]) for key in ("Artist", "Name") if entry.get(key)) or "a track without a name"
        try:
            with session.begin_nested():
                track = get_or_add_track(session, self._find_file(entry), roots=self._roots)
                self._fill_gaps(track, entry)
        except _UnusableEntryError as why:
            self._result.skip(name, str(why))
        except (TowerError, OSError) as error:
            self._result.skip(name, reason_of(error))
        else:
            self._ids[_track_number(entry.get("Track ID"))] = track.id

    def _find_file(self, entry: Mapping[str, Any]) -> Path:
        if entry.get("Protected"):
            raise _UnusableEntryError("it is protected (FairPlay) and cannot be played here")
        if entry.get("Track Type", "File") != "File":
            raise _UnusableEntryError("it is a stream, not a file")
        location = entry.get("Location")
        if not isinstance(location, str) or not location:
            raise _UnusableEntryError("it is only in the cloud and has no local file")
        return _find_file(_local_path(location, self._moved), self._roots)

    def _fill_gaps(self, track: Track, entry: Mapping[str, Any]) -> None:
        bpm, persistent_id = entry.get("BPM"), entry.get("Persistent ID")
        if track.tag_bpm is None and isinstance(bpm, int) and MIN_BPM <= bpm <= MAX_BPM:
            track.tag_bpm = float(bpm)
        if isinstance(persistent_id, str):
            track.persistent_id = _printable(persistent_id)

    def _import_playlist(self, session: Session, entry: Mapping[str, Any]) -> None:
        items = [item for item in entry.get("Playlist Items") or [] if isinstance(item, dict)]
        track_ids = [
            self._ids[number] for item in items if (number := _track_number(item.get("Track ID"))) in self._ids
        ]
        name = _printable(str(entry.get("Name") or "Playlist"))
        persistent_id = _printable(str(entry.get("Playlist Persistent ID") or name))
        _save_playlist(session, self._result, name, source_id=persistent_id, track_ids=track_ids)


def _import_m3u(sessions: SessionFactory, path: Path, content: bytes, roots: Sequence[Path]) -> ImportResult:
    result, track_ids = ImportResult("m3u"), []
    with sessions.begin() as session:
        for line in _entry_lines(content, path):
            try:
                with session.begin_nested():
                    track_ids.append(get_or_add_track(session, _find_entry(line, path, roots), roots=roots).id)
            except _UnusableEntryError as why:
                result.skip(line, str(why))
            except (TowerError, OSError) as error:
                result.skip(line, reason_of(error))
        result.tracks_known = len(set(track_ids))
        _save_playlist(session, result, _printable(path.stem), source_id=str(path), track_ids=track_ids)
    return result


def _read_plist(file: IO[bytes], path: str) -> Mapping[str, Any]:
    try:
        library = plistlib.load(file, fmt=plistlib.FMT_XML)
    except (ExpatError, plistlib.InvalidFileException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidError.field("path", path, f"an exported library that can be read: {error}") from error
    if not isinstance(library, dict) or not isinstance(library.get("Tracks"), dict):
        raise InvalidError.field("path", path, "an exported library with a Tracks dictionary")
    return library


def _local_path(location: str, moved: FolderMappings) -> str:
    """The path on this machine of file:///Users/… or file://localhost/C:/…."""
    try:
        url = urlsplit(location)
    except ValueError as error:
        raise _UnusableEntryError(f"its location is not a valid URL: {location}") from error
    if url.scheme != "file":
        raise _UnusableEntryError(f"it is not a local file: {location}")
    path = unquote(url.path)
    if re.match(r"/[A-Za-z]:/", path):
        path = path[1:]
    for old, new in moved:
        prefix = old.rstrip("/")
        if _normalised(path).startswith(f"{_normalised(prefix)}/"):
            return f"{new}/{_normalised(path)[len(_normalised(prefix)) + 1 :]}"
    return path


def _find_entry(line: str, playlist: Path, roots: Sequence[Path]) -> Path:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", line):
        raise _UnusableEntryError("it is a URL, not a file")
    try:
        return _find_file(os.path.join(playlist.parent, line), roots)  # noqa: PTH118 - an absolute line replaces the folder
    except _UnusableEntryError:
        if "\\" not in line:
            raise
        return _find_file(os.path.join(playlist.parent, line.replace("\\", "/")), roots)  # noqa: PTH118


def _find_file(path: str, roots: Sequence[Path]) -> Path:
    """The file of this name in any Unicode normal form. macOS stores accents as separate characters."""
    refused = None
    for form in (path, _normalised(path), unicodedata.normalize("NFD", path)):
        try:
            return resolve_media_path(os.path.normpath(form), roots=roots)
        except InvalidError as error:
            refused = error
    expected = (refused.details or {}).get("expected") if refused else None
    raise _UnusableEntryError(f"{_printable(path)} is not in the library: expected {expected}")


def _entry_lines(content: bytes, path: Path) -> Iterator[str]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if path.suffix.lower() == ".m3u8":
            raise InvalidError.field("path", str(path), f"UTF-8, which an .m3u8 is: {error.reason}") from error
        text = content.decode("latin-1")
    lines = (line.strip() for line in re.split(r"[\r\n]+", text))
    return (line for line in lines if line and not line.startswith("#"))


def _save_playlist(
    session: Session, result: ImportResult, name: str, *, source_id: str, track_ids: Sequence[int]
) -> None:
    if len(track_ids) > MAX_TRACKS:
        result.skip(name, f"it has {len(track_ids)} tracks: only the first {MAX_TRACKS} were imported")
    same = (Playlist.source == result.source, Playlist.source_id == source_id)
    playlist = session.scalar(select(Playlist).where(*same))
    if playlist is None:
        playlist = Playlist(source=result.source, source_id=source_id)
        session.add(playlist)
    playlist.name = name
    session.flush()
    replace_tracks(session, playlist, track_ids[:MAX_TRACKS])
    result.playlists += 1


def _normalised(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _printable(text: str) -> str:
    """The text with unprintable characters replaced, at most MAX_TEXT_LENGTH characters long."""
    plain = "".join(character if character.isprintable() else "�" for character in text)
    return plain[:MAX_TEXT_LENGTH]


def _track_number(value: object) -> int:
    return value if isinstance(value, int) else -1
