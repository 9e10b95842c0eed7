"""One scan: updates the tracks to match the files, folder by folder, in constant memory."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.library import Track, UnreadableFile
from tower.errors.foreign import reason_of
from tower.library.columns import storable_text
from tower.library.tracks import save_track, scan_file
from tower.library.walk import AudioFile, ListedFolder, SkippedEntry, printable_path, walk_folders

BATCH_SIZE = 1000  # files compared per query
MISSING_ERRNOS = (errno.ENOENT, errno.ENOTDIR)

log = logging.getLogger(__name__)


@dataclass
class ScanCounts:
    """The counts of a scan so far. The fields are columns of its row."""

    files_seen: int = 0
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    unreadable: int = 0


class ScanRun:
    """Runs one scan. `report` is called often with the tally; it raises CancelledError to end the scan."""

    def __init__(
        self, sessions: SessionFactory, scan_id: int, roots: Sequence[Path], report: Callable[[ScanCounts], None]
    ) -> None:
        self.tally = ScanCounts()
        self._sessions = sessions
        self._scan_id = scan_id
        self._roots = roots
        self._report = report
        self._shrunk: list[tuple[Path, str]] = []  # folders whose files and tracks differ in number

    def run(self) -> ScanCounts:
        """Scan every root in turn. The tracks of a root that is not mounted stay as they are.

        Raises CancelledError; the changes until then stay.
        """
        for root in self._roots:
            if not root.is_dir():
                self._record_unreadable(
                    SkippedEntry(
                        printable_path(root), "the library folder is not there; its tracks are left as they are"
                    )
                )
                continue
            for folder in walk_folders(root, self._roots):
                if isinstance(folder, SkippedEntry):
                    self._record_unreadable(folder)
                else:
                    self._scan_folder(folder)
                self._report(self.tally)
        self._mark_vanished()
        return self.tally

    def _scan_folder(self, folder: ListedFolder) -> None:
        present = 0
        while batch := list(islice(folder.files, BATCH_SIZE)):
            present += self._compare(folder, batch)
        with self._sessions() as session:
            in_it = _in_folder(folder.root, folder.name)
            known = session.scalar(select(func.count()).where(in_it, Track.missing_since.is_(None)))
        if known != present:
            self._shrunk.append((folder.root, folder.name))

    def _compare(self, folder: ListedFolder, batch: list[AudioFile | SkippedEntry]) -> int:
        """Update the tracks of these entries. Returns how many of the entries are tracks now."""
        names = [entry.library_path.filename for entry in batch if isinstance(entry, AudioFile)]
        with self._sessions.begin() as session:
            columns = (Track.filename, Track.bytes, Track.mtime_ns, Track.missing_since)
            rows = session.execute(
                select(*columns).where(_in_folder(folder.root, folder.name), Track.filename.in_(names))
            )
            known = {name: (size, mtime, missing is None) for name, size, mtime, missing in rows}
            back = [
                entry.library_path.filename
                for entry in batch
                if isinstance(entry, AudioFile)
                and known.get(entry.library_path.filename) == (entry.size_bytes, entry.mtime_ns, False)
            ]
            if back:
                session.execute(
                    update(Track)
                    .where(_in_folder(folder.root, folder.name), Track.filename.in_(back))
                    .values(missing_since=None)
                )
        return sum(self._update_entry(entry, known) for entry in batch)

    def _update_entry(self, entry: AudioFile | SkippedEntry, known: dict[str, tuple[int, int, bool]]) -> bool:
        self.tally.files_seen += 1
        if isinstance(entry, SkippedEntry):
            self._record_unreadable(entry)
            return False
        before = known.get(entry.library_path.filename)
        if before is not None and before[:2] == (entry.size_bytes, entry.mtime_ns):
            self.tally.unchanged += 1
            return True
        is_saved = self._read_and_save(entry, is_new=before is None)
        self._report(self.tally)
        return is_saved or (before is not None and before[2])

    def _read_and_save(self, entry: AudioFile, *, is_new: bool) -> bool:
        try:
            file = scan_file(entry.library_path, roots=self._roots)
            with self._sessions.begin() as session:
                newest = session.scalar(select(func.max(Track.id))) or 0
                is_old_row = save_track(session, file).id <= newest
        except Exception as error:  # whatever is wrong with one file, the scan goes on
            log.info("%s cannot be added", entry.library_path.full_path, exc_info=True)
            self._record_unreadable(SkippedEntry(str(entry.library_path.full_path), reason_of(error)))
            return False
        if not is_new:
            self.tally.changed += 1
        elif is_old_row:
            self.tally.moved += 1
        else:
            self.tally.added += 1
        return True

    def _record_unreadable(self, skipped: SkippedEntry) -> None:
        self.tally.unreadable += 1
        with self._sessions.begin() as session:
            session.add(UnreadableFile(scan_id=self._scan_id, path=skipped.path, reason=storable_text(skipped.reason)))

    def _mark_vanished(self) -> None:
        """Mark the tracks whose files are gone. Runs last, when every moved file has its new path.

        A root that is not mounted is left alone.
        """
        for root, name in self._shrunk:
            self._mark_vanished_files(root, name)
        for root in self._roots:
            if root.is_dir():
                self._mark_vanished_folders(root)
        self._mark_missing(
            Track.root.not_in([str(root) for root in self._roots])
        )  # folders that were removed from the library

    def _mark_vanished_files(self, root: Path, name: str) -> None:
        with self._sessions() as session:
            present = (_in_folder(root, name), Track.missing_since.is_(None))
            rows = session.execute(select(Track.id, Track.filename).where(*present))
            gone = [row_id for row_id, filename in rows if _is_gone(root / name / filename)]
        for first in range(0, len(gone), BATCH_SIZE):
            self._mark_missing(Track.id.in_(gone[first : first + BATCH_SIZE]))

    def _mark_vanished_folders(self, root: Path) -> None:
        """Mark the tracks of folders that are gone. A folder that cannot be read is not gone."""
        for name in self._known_folders(root):
            if _is_gone(root / name):
                self._mark_missing(_in_folder(root, name))
            self._report(self.tally)

    def _known_folders(self, root: Path) -> Iterator[str]:
        last = ""
        while True:
            with self._sessions() as session:
                later = (Track.root == str(root), Track.folder > last, Track.missing_since.is_(None))
                names = session.scalars(
                    select(Track.folder).where(*later).distinct().order_by(Track.folder).limit(BATCH_SIZE)
                ).all()
            yield from names
            if len(names) < BATCH_SIZE:
                return
            last = names[-1]

    def _mark_missing(self, which: ColumnElement[bool]) -> None:
        with self._sessions.begin() as session:
            self.tally.missing += _mark_missing(session, which)


def _mark_missing(session: Session, which: ColumnElement[bool]) -> int:
    present = Track.missing_since.is_(None)
    marked = update(Track).where(which, present).values(missing_since=func.now())
    return len(session.scalars(marked.returning(Track.id)).all())


def _in_folder(root: Path, folder: str) -> ColumnElement[bool]:
    return (Track.root == str(root)) & (Track.folder == folder)


def _is_gone(path: Path) -> bool:
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno in MISSING_ERRNOS
    return False
