"""Files of Tower's own that no row needs: found, and removed so that a file which is wanted again is never lost.

Looked at are only <data>/renders and <data>/media/imports, and there only names that Tower gives: the sha256 of the
content. Whoever is about to name such a file in a row first makes its date new (`files.still_wanted`). The sweep takes
files of an older date, puts them aside, looks once more at rows and date, and only then removes them or puts them back.
What a crash leaves aside, the next sweep finds there.
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

from db.engine import Sessions
from tower.settings import Settings
from tower.storage.imported_files import FOLDER

GRACE = timedelta(hours=1)  # longer than any transaction that stores a file
ABANDONED = timedelta(days=1)  # nothing is written for so long
ASIDE = ".swept"
OURS = re.compile(r"([0-9a-f]{64})(\.[a-z0-9]{1,8})?")
HALF = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{32}\.part(\.[a-z0-9]{1,8})?")  # of `files.writing`
AT_ONCE = 500

_PATH_COLUMNS = text(
    "select quote_ident(table_schema) || '.' || quote_ident(table_name), quote_ident(column_name)"
    " from information_schema.columns where table_schema in ('anime_api', 'public') and data_type = 'text'"
    " and (column_name = 'path' or column_name like '%\\_path') order by 1, 2"
)
_IN_HISTORY = text(
    "select distinct (regexp_matches(encode(content, 'escape'), '([0-9a-f]{64})[.\"]', 'g'))[1]"
    " from anime_api.version_objects where kind = 'entity'"
)
_OF_ASSETS = text("select distinct sha256 from public.assets where sha256 = any(:hashes)")


@dataclass(frozen=True)
class Swept:
    files: int = 0
    bytes: int = 0


def sweep(sessions: Sessions, settings: Settings, *, grace: timedelta = GRACE) -> Swept:
    """Remove what no row needs, and what a crash left half written. Safe to run at any time, and in several at once."""
    removed: list[int] = []
    for root in _roots(settings):
        removed += _settle(sessions, root, _aside(root), grace=grace)
        with sessions() as session:
            found = unneeded_in(session, root, grace=grace)
        for part in _parts(found):
            aside = [moved for path in part if (moved := _put_aside(root, path))]
            removed += _settle(sessions, root, aside, grace=grace)
    removed += [_remove(path) for path in _abandoned(settings)]
    return Swept(len(removed), sum(removed))


def unneeded(session: Session, settings: Settings, *, grace: timedelta = GRACE) -> list[Path]:
    """What a sweep would remove if the session's work were committed."""
    return [path for root in _roots(settings) for path in unneeded_in(session, root, grace=grace)]


def unneeded_in(session: Session, root: Path, *, grace: timedelta) -> list[Path]:
    oldest = time.time() - grace.total_seconds()
    old = [path for path in _files_of_ours(root) if (date := _date(path)) is not None and date < oldest]
    return [path for part in _parts(old) for path in _unnamed(session, part)]


def discard(sessions: Sessions, placed: Sequence[Path]) -> None:
    """Take back files that were put in place a moment ago for rows that were not committed after all."""
    with sessions() as session:
        for path in _unnamed(session, placed) if placed else ():
            path.unlink(missing_ok=True)


def _roots(settings: Settings) -> tuple[Path, ...]:
    return (settings.renders, settings.media / FOLDER)


def _files_of_ours(root: Path) -> Iterator[Path]:
    """<root>/ab/<sha256 that begins with ab>.<ending>: regular files, no links."""
    for folder in _entries(root):
        if re.fullmatch("[0-9a-f]{2}", folder.name) and folder.is_dir(follow_symlinks=False):
            for entry in _entries(Path(folder.path)):
                named = OURS.fullmatch(entry.name) and entry.name.startswith(folder.name)
                if named and entry.is_file(follow_symlinks=False):
                    yield Path(entry.path)


def _unnamed(session: Session, paths: Sequence[Path]) -> list[Path]:
    """Those that no row of any table names, by path or by content, and no commit."""
    given = {"paths": [str(path) for path in paths]}
    named: set[str] = set()
    for table, column in session.execute(_PATH_COLUMNS).all():
        wanted = text(f"select distinct {column} from {table} where {column} = any(:paths)")
        named |= set(session.scalars(wanted, given))
    hashes = set(session.scalars(_OF_ASSETS, {"hashes": [_sha256(path) for path in paths]}))
    left = [path for path in paths if str(path) not in named and _sha256(path) not in hashes]
    if not left:
        return []
    history = set(session.scalars(_IN_HISTORY))
    return [path for path in left if _sha256(path) not in history]


def _put_aside(root: Path, path: Path) -> Path | None:
    """None if it is gone already."""
    aside = root / ASIDE / path.name
    aside.parent.mkdir(exist_ok=True)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None
    return aside


def _settle(sessions: Sessions, root: Path, aside: Sequence[Path], *, grace: timedelta) -> list[int]:
    """Remove what is still unneeded, and put back what is wanted again. The bytes of each file removed."""
    homes = {root / path.name[:2] / path.name: path for path in aside}
    if not homes:
        return []
    with sessions() as session:
        unnamed = set(_unnamed(session, list(homes)))
    oldest = time.time() - grace.total_seconds()
    removed = []
    for home, path in homes.items():
        date = _date(path)
        if date is None:
            continue  # another sweep was quicker
        if home in unnamed and date < oldest:
            removed.append(_remove(path))
        else:
            _put_back(path, home)
    return removed


def _put_back(path: Path, home: Path) -> None:
    try:
        os.link(path, home)
    except FileExistsError:
        pass  # stored anew meanwhile, of the same content
    except OSError:
        path.rename(home)  # a file system without links
        return
    path.unlink(missing_ok=True)


def _abandoned(settings: Settings) -> Iterator[Path]:
    """Half a file, of a process that died."""
    longest = max(ABANDONED, timedelta(seconds=2 * settings.job_timeout_s))
    oldest = time.time() - longest.total_seconds()
    for path in _half_written(settings):
        if (date := _date(path)) is not None and date < oldest:
            yield path


def _half_written(settings: Settings) -> Iterator[Path]:
    for folder in (settings.renders / ".partial", settings.data / "cache" / "archives"):
        yield from (Path(entry.path) for entry in _entries(folder))
    for root in _roots(settings):
        for folder_of in _entries(root):
            if folder_of.is_dir(follow_symlinks=False):
                yield from (Path(one.path) for one in _entries(Path(folder_of.path)) if HALF.fullmatch(one.name))


def _aside(root: Path) -> list[Path]:
    return [Path(entry.path) for entry in _entries(root / ASIDE) if OURS.fullmatch(entry.name)]


def _remove(path: Path) -> int:
    """The bytes that it had."""
    try:
        size = path.lstat().st_size
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except FileNotFoundError:
        return 0
    return size


def _entries(folder: Path) -> Iterable[os.DirEntry[str]]:
    """In the order of their names; nothing if there is no such folder."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _date(path: Path) -> float | None:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return None


def _sha256(path: Path) -> str:
    return path.name[:64]


def _parts(paths: Collection[Path]) -> Iterator[Sequence[Path]]:
    listed = list(paths)
    for start in range(0, len(listed), AT_ONCE):
        yield listed[start : start + AT_ONCE]
