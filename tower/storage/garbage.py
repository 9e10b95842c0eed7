"""Find and remove files of Tower that no row refers to, without losing a file that is needed again meanwhile.

Only files under <data>/renders and <data>/media/imports whose names are the sha256 of their content are considered.
Before a row refers to such a file, its date is set to now (`files.touch_if_present`). A sweep moves older files to a
quarantine folder, checks rows and dates again, and then removes them or moves them back. If a sweep crashes, the next
one continues with the files in quarantine.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from tower.settings import Settings
from tower.storage.imported_files import IMPORTS_FOLDER

GRACE_PERIOD = timedelta(hours=1)  # longer than any transaction that stores a file takes
ABANDONED_AFTER = timedelta(days=1)  # longer than writing any file takes
QUARANTINE_FOLDER = ".swept"
STORED_NAME = re.compile(r"([0-9a-f]{64})(\.[a-z0-9]{1,8})?")
# The temporary names of `files.write_atomically`.
PARTIAL_NAME = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{32}\.part(\.[a-z0-9]{1,8})?")
BATCH_FILES = 500  # files

_PATH_COLUMNS = text(
    "select quote_ident(table_schema) || '.' || quote_ident(table_name), quote_ident(column_name)"
    " from information_schema.columns where table_schema in ('anime_api', 'public') and data_type = 'text'"
    " and (column_name = 'path' or column_name like '%\\_path') order by 1, 2"
)
_HASHES_IN_HISTORY = text(
    "select distinct (regexp_matches(encode(content, 'escape'), '([0-9a-f]{64})[.\"]', 'g'))[1]"
    " from anime_api.version_objects where kind = 'entity'"
)
_HASHES_OF_ASSETS = text("select distinct sha256 from public.assets where sha256 = any(:hashes)")


@dataclass(frozen=True)
class GarbageReport:
    files: int = 0
    bytes: int = 0


def collect_garbage(sessions: SessionFactory, settings: Settings, *, grace: timedelta = GRACE_PERIOD) -> GarbageReport:
    """Remove unreferenced files, and partial files that a crash left. Safe to run at any time and concurrently."""
    removed: list[int] = []
    for root in _roots(settings):
        removed += _finish_quarantined(sessions, root, _quarantined(root), grace=grace)
        with sessions() as session:
            found = find_garbage_in(session, root, grace=grace)
        for part in _batches(found):
            aside = [moved for path in part if (moved := _quarantine(root, path))]
            removed += _finish_quarantined(sessions, root, aside, grace=grace)
    removed += [_remove(path) for path in _abandoned_files(settings)]
    return GarbageReport(len(removed), sum(removed))


def find_garbage(session: Session, settings: Settings, *, grace: timedelta = GRACE_PERIOD) -> list[Path]:
    """Return the files that a sweep would remove if the session were committed."""
    return [path for root in _roots(settings) for path in find_garbage_in(session, root, grace=grace)]


def find_garbage_in(session: Session, root: Path, *, grace: timedelta) -> list[Path]:
    oldest = time.time() - grace.total_seconds()
    old = [path for path in _stored_files(root) if (date := _mtime(path)) is not None and date < oldest]
    return [path for part in _batches(old) for path in _unreferenced(session, part)]


def discard_unreferenced(sessions: SessionFactory, paths: Sequence[Path]) -> None:
    """Remove the files among `paths` that no row refers to, because a transaction was rolled back."""
    with sessions() as session:
        for path in _unreferenced(session, paths) if paths else ():
            path.unlink(missing_ok=True)


def _roots(settings: Settings) -> tuple[Path, ...]:
    return (settings.renders, settings.media / IMPORTS_FOLDER)


def _stored_files(root: Path) -> Iterator[Path]:
    """Yield the regular files <root>/ab/<sha256 that starts with ab>.<suffix>; links are skipped."""
    for folder in _entries(root):
        if re.fullmatch("[0-9a-f]{2}", folder.name) and folder.is_dir(follow_symlinks=False):
            for entry in _entries(Path(folder.path)):
                named = STORED_NAME.fullmatch(entry.name) and entry.name.startswith(folder.name)
                if named and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


def _unreferenced(session: Session, paths: Sequence[Path]) -> list[Path]:
    """Return the files to which no row of any table refers, by path or by content, and no commit."""
    parameters = {"paths": [str(path) for path in paths]}
    named: set[str] = set()
    for table, column in session.execute(_PATH_COLUMNS).all():
        query = text(f"select distinct {column} from {table} where {column} = any(:paths)")
        named |= set(session.scalars(query, parameters))
    hashes = set(session.scalars(_HASHES_OF_ASSETS, {"hashes": [_sha256_in_name(path) for path in paths]}))
    remaining = [path for path in paths if str(path) not in named and _sha256_in_name(path) not in hashes]
    if not remaining:
        return []
    history = set(session.scalars(_HASHES_IN_HISTORY))
    return [path for path in remaining if _sha256_in_name(path) not in history]


def _quarantine(root: Path, path: Path) -> Path | None:
    """Move a file to quarantine; None if it no longer exists."""
    aside = root / QUARANTINE_FOLDER / path.name
    aside.parent.mkdir(exist_ok=True)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None
    return aside


def _finish_quarantined(sessions: SessionFactory, root: Path, aside: Sequence[Path], *, grace: timedelta) -> list[int]:
    """Remove files in quarantine that are still unreferenced and move the others back. Returns the removed sizes."""
    homes = {root / path.name[:2] / path.name: path for path in aside}
    if not homes:
        return []
    with sessions() as session:
        unnamed = set(_unreferenced(session, list(homes)))
    oldest = time.time() - grace.total_seconds()
    removed = []
    for home, path in homes.items():
        date = _mtime(path)
        if date is None:
            continue  # a concurrent sweep has handled it
        if home in unnamed and date < oldest:
            removed.append(_remove(path))
        else:
            _move_back(path, home)
    return removed


def _move_back(path: Path, home: Path) -> None:
    try:
        os.link(path, home)
    except FileExistsError:
        pass  # stored again meanwhile, with the same content
    except OSError:
        path.rename(home)  # the file system has no hard links
        return
    path.unlink(missing_ok=True)


def _abandoned_files(settings: Settings) -> Iterator[Path]:
    """Yield partial files of processes that died."""
    longest = max(ABANDONED_AFTER, timedelta(seconds=2 * settings.job_timeout_s))
    oldest = time.time() - longest.total_seconds()
    for path in _partial_files(settings):
        if (date := _mtime(path)) is not None and date < oldest:
            yield path


def _partial_files(settings: Settings) -> Iterator[Path]:
    for folder in (settings.renders / ".partial", settings.data / "cache" / "archives"):
        yield from (Path(entry.path) for entry in _entries(folder))
    for root in _roots(settings):
        for folder_of in _entries(root):
            if folder_of.is_dir(follow_symlinks=False):
                yield from (
                    Path(file.path) for file in _entries(Path(folder_of.path)) if PARTIAL_NAME.fullmatch(file.name)
                )


def _quarantined(root: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(root / QUARANTINE_FOLDER) if STORED_NAME.fullmatch(entry.name)]


def _remove(path: Path) -> int:
    """Remove a file or folder and return its size in bytes; 0 if it no longer exists."""
    try:
        size = path.lstat().st_size
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except FileNotFoundError:
        return 0
    return size


def _entries(folder: Path) -> Iterable[os.DirEntry[str]]:
    """Return the entries of a folder by name; none if it does not exist."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _mtime(path: Path) -> float | None:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return None


def _sha256_in_name(path: Path) -> str:
    return path.name[:64]


def _batches(paths: Collection[Path]) -> Iterator[Sequence[Path]]:
    listed = list(paths)
    for start in range(0, len(listed), BATCH_FILES):
        yield listed[start : start + BATCH_FILES]
