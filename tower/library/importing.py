"""Lists of other programs: the Library.xml that Apple Music and iTunes export, and m3u8 playlists.

What they list is taken if its file lies in the library; the rest is named with the reason. The same file again updates
the playlists that came from it.
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

from db.engine import Sessions
from db.models.library import Playlist, Track
from tower.errors import InvalidError, TowerError
from tower.library.playlists import LONGEST, fill
from tower.library.reading import FASTEST_BPM, LONGEST_TEXT, SLOWEST_BPM
from tower.library.tracks import track_of
from tower.media.roots import media_path, open_media

LARGEST_BYTES = 400 << 20  # of a Library.xml: 2 kB a track
SKIPS_TOLD = 100
AT_ONCE = 100  # tracks a transaction
Moved = Sequence[tuple[str, Path]]


@dataclass(frozen=True)
class Skipped:
    what: str
    reason: str


@dataclass
class Imported:
    """`skipped` holds the first of `skipped_count`."""

    source: str
    tracks_known: int = 0
    playlists: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    skipped_count: int = 0

    def skip(self, what: str, reason: str) -> None:
        self.skipped_count += 1
        if len(self.skipped) < SKIPS_TOLD:
            self.skipped.append(Skipped(_shown(what), reason))


class _NotHereError(Exception):
    """An entry that cannot be taken; the message is the reason."""


def import_file(sessions: Sessions, path: str, *, roots: Sequence[Path], moved: Moved = ()) -> Imported:
    """`moved`: (folder in a Library.xml, folder here). Raises InvalidError for what is no such list."""
    found = media_path(path, roots=roots)
    ending = found.suffix.lower()
    if ending not in (".xml", ".m3u8", ".m3u"):
        raise InvalidError.field("path", path, "a Library.xml, an .m3u8 or an .m3u file")
    with open_media(found, roots=roots) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_BYTES:
            raise InvalidError.field("path", path, f"a list of at most {LARGEST_BYTES >> 20} MB")
        if ending == ".xml":
            return _Itunes(sessions, roots, moved).take(_plist(file, path))
        return _m3u(sessions, found, file.read(), roots)


class _Itunes:
    def __init__(self, sessions: Sessions, roots: Sequence[Path], moved: Moved) -> None:
        self._sessions = sessions
        self._roots = roots
        self._moved = moved
        self._told = Imported("itunes_xml")
        self._ids: dict[int, int] = {}  # the track's id here, by the id inside the file

    def take(self, library: Mapping[str, Any]) -> Imported:
        entries = [one for one in library["Tracks"].values() if isinstance(one, dict)]
        for first in range(0, len(entries), AT_ONCE):
            with self._sessions.begin() as session:
                for entry in entries[first : first + AT_ONCE]:
                    self._track(session, entry)
        for playlist in library.get("Playlists") or []:
            if isinstance(playlist, dict) and not any(
                playlist.get(mark) for mark in ("Master", "Distinguished Kind", "Folder")
            ):
                with self._sessions.begin() as session:
                    self._playlist(session, playlist)
        self._told.tracks_known = len(set(self._ids.values()))
        return self._told

    def _track(self, session: Session, entry: Mapping[str, Any]) -> None:
        name = " – ".join(str(entry[key]) for key in ("Artist", "Name") if entry.get(key)) or "a track without a name"
        try:
            with session.begin_nested():
                track = track_of(session, self._file(entry), roots=self._roots)
                self._complete(track, entry)
        except _NotHereError as why:
            self._told.skip(name, str(why))
        except (TowerError, OSError) as refused:
            self._told.skip(name, refused.message if isinstance(refused, TowerError) else str(refused))
        else:
            self._ids[_number(entry.get("Track ID"))] = track.id

    def _file(self, entry: Mapping[str, Any]) -> Path:
        if entry.get("Protected"):
            raise _NotHereError("it is protected (FairPlay) and cannot be played here")
        if entry.get("Track Type", "File") != "File":
            raise _NotHereError("it is a stream, not a file")
        location = entry.get("Location")
        if not isinstance(location, str) or not location:
            raise _NotHereError("it is only in the cloud")
        return _file_at(_here(location, self._moved), self._roots)

    def _complete(self, track: Track, entry: Mapping[str, Any]) -> None:
        bpm, persistent_id = entry.get("BPM"), entry.get("Persistent ID")
        if track.tag_bpm is None and isinstance(bpm, int) and SLOWEST_BPM <= bpm <= FASTEST_BPM:
            track.tag_bpm = float(bpm)
        if isinstance(persistent_id, str):
            track.persistent_id = _shown(persistent_id)

    def _playlist(self, session: Session, entry: Mapping[str, Any]) -> None:
        items = [one for one in entry.get("Playlist Items") or [] if isinstance(one, dict)]
        track_ids = [self._ids[number] for one in items if (number := _number(one.get("Track ID"))) in self._ids]
        name = _shown(str(entry.get("Name") or "Playlist"))
        persistent_id = _shown(str(entry.get("Playlist Persistent ID") or name))
        _keep(session, self._told, name, source_id=persistent_id, track_ids=track_ids)


def _m3u(sessions: Sessions, path: Path, content: bytes, roots: Sequence[Path]) -> Imported:
    told, track_ids = Imported("m3u"), []
    with sessions.begin() as session:
        for line in _lines(content, path):
            try:
                with session.begin_nested():
                    track_ids.append(track_of(session, _entry(line, path, roots), roots=roots).id)
            except _NotHereError as why:
                told.skip(line, str(why))
            except (TowerError, OSError) as refused:
                told.skip(line, refused.message if isinstance(refused, TowerError) else str(refused))
        told.tracks_known = len(set(track_ids))
        _keep(session, told, _shown(path.stem), source_id=str(path), track_ids=track_ids)
    return told


def _plist(file: IO[bytes], path: str) -> Mapping[str, Any]:
    try:
        library = plistlib.load(file, fmt=plistlib.FMT_XML)
    except (ExpatError, plistlib.InvalidFileException, ValueError, LookupError, TypeError, AttributeError) as broken:
        raise InvalidError.field("path", path, f"an exported library; this cannot be read: {broken}") from broken
    if not isinstance(library, dict) or not isinstance(library.get("Tracks"), dict):
        raise InvalidError.field("path", path, "an exported library, with its Tracks")
    return library


def _here(location: str, moved: Moved) -> str:
    """The path of file:///Users/…, file://localhost/C:/… here."""
    try:
        url = urlsplit(location)
    except ValueError as broken:
        raise _NotHereError(f"its place is no address: {location}") from broken
    if url.scheme != "file":
        raise _NotHereError(f"it is no local file: {location}")
    path = unquote(url.path)
    if re.match(r"/[A-Za-z]:/", path):
        path = path[1:]
    for old, new in moved:
        prefix = old.rstrip("/")
        if _same(path).startswith(f"{_same(prefix)}/"):
            return f"{new}/{_same(path)[len(_same(prefix)) + 1 :]}"
    return path


def _entry(line: str, playlist: Path, roots: Sequence[Path]) -> Path:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", line):
        raise _NotHereError("it is an address, not a file")
    try:
        return _file_at(os.path.join(playlist.parent, line), roots)  # noqa: PTH118 - an absolute line replaces the folder
    except _NotHereError:
        if "\\" not in line:
            raise
        return _file_at(os.path.join(playlist.parent, line.replace("\\", "/")), roots)  # noqa: PTH118


def _file_at(path: str, roots: Sequence[Path]) -> Path:
    """The file of this name in any form of Unicode: macOS writes accents apart."""
    refused = None
    for form in (path, _same(path), unicodedata.normalize("NFD", path)):
        try:
            return media_path(os.path.normpath(form), roots=roots)
        except InvalidError as error:
            refused = error
    expected = (refused.details or {}).get("expected") if refused else None
    raise _NotHereError(f"{_shown(path)} is not in the library: expected {expected}")


def _lines(content: bytes, path: Path) -> Iterator[str]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        if path.suffix.lower() == ".m3u8":
            raise InvalidError.field("path", str(path), f"UTF-8, which an .m3u8 is: {broken.reason}") from broken
        text = content.decode("latin-1")
    lines = (line.strip() for line in re.split(r"[\r\n]+", text))
    return (line for line in lines if line and not line.startswith("#"))


def _keep(session: Session, told: Imported, name: str, *, source_id: str, track_ids: Sequence[int]) -> None:
    if len(track_ids) > LONGEST:
        told.skip(name, f"its {len(track_ids)} tracks are more than {LONGEST}: the first were taken")
    same = (Playlist.source == told.source, Playlist.source_id == source_id)
    playlist = session.scalar(select(Playlist).where(*same))
    if playlist is None:
        playlist = Playlist(source=told.source, source_id=source_id)
        session.add(playlist)
    playlist.name = name
    session.flush()
    fill(session, playlist, track_ids[:LONGEST])
    told.playlists += 1


def _same(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _shown(text: str) -> str:
    """What any table and page can hold."""
    plain = "".join(character if character.isprintable() else "�" for character in text)
    return plain[:LONGEST_TEXT]


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1
