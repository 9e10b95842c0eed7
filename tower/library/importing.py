"""Imports the lists of other programs: the Library.xml that Apple Music and iTunes export, and m3u playlists.

An entry is imported if its file is in the library; the others are reported with the reason. Importing the same file
again updates the playlists that came from it, without losing what only Tower has.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.library import Track
from tower.errors import InvalidError
from tower.errors.foreign import reason_of
from tower.library.import_result import ImportResult, printable
from tower.library.imported_playlists import SourcePlaylist, note_deleted, save_playlist
from tower.library.itunes import Library, LibraryPlaylist, LibraryTrack, read_library
from tower.library.locations import FileFinder, FolderMappings, MissingFileError, UnusableEntryError
from tower.library.m3u import ListedFile, read_entries
from tower.library.tracks import get_or_add_track
from tower.media.roots import open_media, resolve_media_path

LARGEST_BYTES = {".xml": 400 << 20, ".m3u8": 16 << 20, ".m3u": 16 << 20}  # a Library.xml holds about 2 kB per track
BATCH_SIZE = 100  # tracks per transaction
ABSENT = "its file was not found; the track is kept"

log = logging.getLogger(__name__)


def import_file(
    sessions: SessionFactory, path: str, *, roots: Sequence[Path], folder_mappings: FolderMappings = ()
) -> ImportResult:
    """Import a Library.xml or an m3u playlist.

    `folder_mappings` maps folders of another machine to folders on this one, as (old, new). Raises InvalidError
    if the file is of another kind, too large or not readable.
    """
    found = resolve_media_path(path, roots=roots)
    limit = LARGEST_BYTES.get(found.suffix.lower())
    if limit is None:
        raise InvalidError.field("path", path, "a Library.xml, an .m3u8 or an .m3u file")
    finder = FileFinder(roots, folder_mappings)
    with open_media(found, roots=roots) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise InvalidError.field("path", path, f"a list of at most {limit >> 20} MB")
        try:
            if found.suffix.lower() == ".xml":
                library = read_library(file)
                return _LibraryImport(sessions, roots, finder).import_library(library, found)
            return _import_m3u(sessions, found, read_entries(file.read()), roots=roots, finder=finder)
        except UnusableEntryError as error:
            raise InvalidError.field("path", path, str(error)) from error


class _LibraryImport:
    def __init__(self, sessions: SessionFactory, roots: Sequence[Path], finder: FileFinder) -> None:
        self._sessions = sessions
        self._roots = roots
        self._finder = finder
        self._result = ImportResult("itunes_xml")
        self._ids: dict[str, int] = {}  # the track's id here, by its number in the file
        self._missing: set[str] = set()  # the numbers of tracks whose file was not found

    def import_library(self, library: Library, path: Path) -> ImportResult:
        for first in range(0, len(library.tracks), BATCH_SIZE):
            with self._sessions.begin() as session:
                for entry in library.tracks[first : first + BATCH_SIZE]:
                    self._import_track(session, entry)
        library_id = printable(library.persistent_id or str(path))
        source_ids: set[str] = set()
        for playlist, local_id in _identified(library.playlists):
            source_ids.add(f"{library_id}:{local_id}")
            with self._sessions.begin() as session:
                save_playlist(session, self._result, self._source_playlist(playlist, library_id, local_id))
        with self._sessions() as session:
            note_deleted(session, self._result, library_id=library_id, present=source_ids)
        self._result.tracks_known = len(set(self._ids.values()))
        return self._result

    def _import_track(self, session: Session, entry: LibraryTrack) -> None:
        for unusable in entry.unusable_values():
            self._result.note(entry.label, unusable)
        try:
            track = self._find_track(session, entry)
        except UnusableEntryError as why:
            self._result.skip(entry.label, str(why))
            if isinstance(why, MissingFileError):
                self._missing.add(entry.number)
            return
        if track.tag_bpm is None:
            track.tag_bpm = entry.bpm
        if persistent_id := entry.text("Persistent ID"):
            track.persistent_id = printable(persistent_id)
        self._ids[entry.number] = track.id

    def _find_track(self, session: Session, entry: LibraryTrack) -> Track:
        location = (entry.location(),)
        try:
            return _track_at(session, self._finder.find(location), self._roots)
        except MissingFileError:
            known = self._finder.find_known(session, location) or _with_persistent_id(session, entry)
            if known is None:
                raise
            self._result.note(entry.label, ABSENT)
            return known

    def _source_playlist(self, playlist: LibraryPlaylist, library_id: str, local_id: str) -> SourcePlaylist:
        track_ids = [self._ids[number] for number in playlist.numbers if number in self._ids]
        return SourcePlaylist(
            playlist.name,
            f"{library_id}:{local_id}",
            track_ids,
            unknown=sum(number in self._missing for number in playlist.numbers),
            earlier_id=local_id,
        )


def _identified(playlists: Sequence[LibraryPlaylist]) -> list[tuple[LibraryPlaylist, str]]:
    """Each playlist and what identifies it in its library. Those of one name without an id are numbered."""
    seen: Counter[str] = Counter()
    identified = []
    for playlist in playlists:
        local_id = printable(playlist.persistent_id or playlist.name)
        seen[local_id] += 1
        identified.append((playlist, local_id if seen[local_id] == 1 else f"{local_id}#{seen[local_id]}"))
    return identified


def _import_m3u(
    sessions: SessionFactory, path: Path, entries: Sequence[ListedFile], *, roots: Sequence[Path], finder: FileFinder
) -> ImportResult:
    result, track_ids, unknown = ImportResult("m3u"), [], 0
    with sessions.begin() as session:
        for entry in entries:
            try:
                track_ids.append(_listed_track(session, result, entry, folder=path.parent, roots=roots, finder=finder))
            except UnusableEntryError as why:
                if not entry.may_be_comment:
                    result.skip(entry.texts[0].strip(), str(why))
                    unknown += isinstance(why, MissingFileError)
        result.tracks_known = len(set(track_ids))
        save_playlist(session, result, SourcePlaylist(path.stem, str(path), track_ids, unknown=unknown))
    return result


def _listed_track(
    session: Session,
    result: ImportResult,
    entry: ListedFile,
    *,
    folder: Path,
    roots: Sequence[Path],
    finder: FileFinder,
) -> int:
    try:
        return _track_at(session, finder.find(entry.texts, folder=folder), roots).id
    except MissingFileError:
        known = None if entry.may_be_comment else finder.find_known(session, entry.texts, folder=folder)
        if known is None:
            raise
        result.note(entry.texts[0].strip(), ABSENT)
        return known.id


def _track_at(session: Session, path: Path, roots: Sequence[Path]) -> Track:
    """The track of a file. Raises MissingFileError, whatever is wrong with the file."""
    try:
        with session.begin_nested():
            return get_or_add_track(session, path, roots=roots)
    except Exception as error:
        log.info("%s cannot be imported", path, exc_info=True)
        raise MissingFileError(reason_of(error)) from error


def _with_persistent_id(session: Session, entry: LibraryTrack) -> Track | None:
    persistent_id = printable(entry.text("Persistent ID"))
    if not persistent_id:
        return None
    return session.scalar(select(Track).where(Track.persistent_id == persistent_id).order_by(Track.id).limit(1))
