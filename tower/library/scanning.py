"""One scan: the tracks are brought in step with the files, folder by folder, in little memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from db.engine import Sessions
from db.models.library import Track, UnreadableFile
from tower.errors import TowerError
from tower.library.tracks import keep, take
from tower.library.walk import Folder, Odd, Seen, folders, shown

AT_ONCE = 1000  # files that are compared by one query
GONE = (errno.ENOENT, errno.ENOTDIR)


@dataclass
class Tally:
    """What a scan has done so far, by the columns of its row."""

    files_seen: int = 0
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    unreadable: int = 0


class Scanning:
    """`report` is called often, with the tally; it raises CancelledError to end the scan."""

    def __init__(
        self, sessions: Sessions, scan_id: int, roots: Sequence[Path], report: Callable[[Tally], None]
    ) -> None:
        self.tally = Tally()
        self._sessions = sessions
        self._scan_id = scan_id
        self._roots = roots
        self._report = report
        self._shrunk: list[tuple[Path, str]] = []  # folders that hold fewer files than tracks

    def run(self) -> Tally:
        """Every root, one after the other. A root that is not there is not taken for an empty one.

        Raises CancelledError; what was done stays.
        """
        for root in self._roots:
            if not root.is_dir():
                self._refuse(Odd(shown(root), "the library folder is not there; its tracks are left as they are"))
                continue
            for folder in folders(root, self._roots):
                if isinstance(folder, Odd):
                    self._refuse(folder)
                else:
                    self._folder(folder)
                self._report(self.tally)
        self._vanished()
        return self.tally

    def _folder(self, folder: Folder) -> None:
        there = 0
        while some := list(islice(folder.files, AT_ONCE)):
            there += self._compare(folder, some)
        with self._sessions() as session:
            in_it = _in(folder.root, folder.name)
            known = session.scalar(select(func.count()).where(in_it, Track.missing_since.is_(None)))
        if known != there:
            self._shrunk.append((folder.root, folder.name))

    def _compare(self, folder: Folder, some: list[Seen | Odd]) -> int:
        """How many of them are tracks now."""
        names = [one.place.filename for one in some if isinstance(one, Seen)]
        with self._sessions.begin() as session:
            columns = (Track.filename, Track.bytes, Track.mtime_ns, Track.missing_since)
            rows = session.execute(select(*columns).where(_in(folder.root, folder.name), Track.filename.in_(names)))
            known = {name: (size, mtime, missing is None) for name, size, mtime, missing in rows}
            back = [
                one.place.filename
                for one in some
                if isinstance(one, Seen) and known.get(one.place.filename) == (one.size_bytes, one.mtime_ns, False)
            ]
            if back:
                session.execute(
                    update(Track)
                    .where(_in(folder.root, folder.name), Track.filename.in_(back))
                    .values(missing_since=None)
                )
        return sum(self._look_at(one, known) for one in some)

    def _look_at(self, one: Seen | Odd, known: dict[str, tuple[int, int, bool]]) -> bool:
        self.tally.files_seen += 1
        if isinstance(one, Odd):
            self._refuse(one)
            return False
        before = known.get(one.place.filename)
        if before is not None and before[:2] == (one.size_bytes, one.mtime_ns):
            self.tally.unchanged += 1
            return True
        taken = self._take(one, is_new=before is None)
        self._report(self.tally)
        return taken or (before is not None and before[2])

    def _take(self, one: Seen, *, is_new: bool) -> bool:
        try:
            taken = take(one.place, roots=self._roots)
            with self._sessions.begin() as session:
                newest = session.scalar(select(func.max(Track.id))) or 0
                is_old_row = keep(session, taken).id <= newest
        except (TowerError, OSError, ValueError, av.FFmpegError, DataError) as broken:
            self._refuse(Odd(str(one.place.path), _reason(broken)))
            return False
        if not is_new:
            self.tally.changed += 1
        elif is_old_row:
            self.tally.moved += 1
        else:
            self.tally.added += 1
        return True

    def _refuse(self, odd: Odd) -> None:
        self.tally.unreadable += 1
        with self._sessions.begin() as session:
            session.add(UnreadableFile(scan_id=self._scan_id, path=odd.path, reason=odd.reason))

    def _vanished(self) -> None:
        """Last of all: what was moved has its new place by now. A root that is not there says nothing."""
        for root, name in self._shrunk:
            self._vanished_files(root, name)
        for root in self._roots:
            if root.is_dir():
                self._vanished_folders(root)
        self._miss(Track.root.not_in([str(root) for root in self._roots]))  # folders that are the library's no more

    def _vanished_files(self, root: Path, name: str) -> None:
        with self._sessions() as session:
            there = (_in(root, name), Track.missing_since.is_(None))
            rows = session.execute(select(Track.id, Track.filename).where(*there))
            gone = [row_id for row_id, filename in rows if _is_gone(root / name / filename)]
        for first in range(0, len(gone), AT_ONCE):
            self._miss(Track.id.in_(gone[first : first + AT_ONCE]))

    def _vanished_folders(self, root: Path) -> None:
        """A folder that cannot be looked into is not gone."""
        for name in self._known_folders(root):
            if _is_gone(root / name):
                self._miss(_in(root, name))
            self._report(self.tally)

    def _known_folders(self, root: Path) -> Iterator[str]:
        last = ""
        while True:
            with self._sessions() as session:
                later = (Track.root == str(root), Track.folder > last, Track.missing_since.is_(None))
                names = session.scalars(
                    select(Track.folder).where(*later).distinct().order_by(Track.folder).limit(AT_ONCE)
                ).all()
            yield from names
            if len(names) < AT_ONCE:
                return
            last = names[-1]

    def _miss(self, which: ColumnElement[bool]) -> None:
        with self._sessions.begin() as session:
            self.tally.missing += _mark_missing(session, which)


def _mark_missing(session: Session, which: ColumnElement[bool]) -> int:
    there = Track.missing_since.is_(None)
    marked = update(Track).where(which, there).values(missing_since=func.now())
    return len(session.scalars(marked.returning(Track.id)).all())


def _in(root: Path, folder: str) -> ColumnElement[bool]:
    return (Track.root == str(root)) & (Track.folder == folder)


def _is_gone(path: Path) -> bool:
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno in GONE
    return False


def _reason(broken: Exception) -> str:
    return broken.message if isinstance(broken, TowerError) else str(broken)
