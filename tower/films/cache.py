"""The cache of assemblies: conformed clips, transitions and sound. It is bounded; all of it can be made again."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tower.assembly.leftovers import CACHE_FOLDERS as ASSEMBLY_FOLDERS
from tower.media.files import remove_leftovers
from tower.settings import Settings

CACHE_FOLDERS = (*ASSEMBLY_FOLDERS, "posters")


@dataclass(frozen=True)
class TrimmedCache:
    """What was removed, and what is left."""

    files: int
    bytes: int
    left_bytes: int


def cache_folder(settings: Settings) -> Path:
    return settings.data / "cache" / "assembly"


def trim_cache(settings: Settings, *, max_bytes: int | None = None) -> TrimmedCache:
    """Remove the files that were not used for the longest time, until the rest is within the limit.

    An assembly sets the date of each file that it uses, and a run may last `job_timeout_s`: a file whose date is not
    older than that stays.
    """
    limit = settings.assembly_cache_max_bytes if max_bytes is None else max_bytes
    folder = cache_folder(settings)
    for name in CACHE_FOLDERS:
        remove_leftovers(folder / name)
    found = sorted(_list_files(folder))
    left = sum(size for _, size, _ in found)
    in_use_since = time.time() - settings.job_timeout_s
    files = removed = 0
    for used_at, size, path in found:
        if left <= limit or used_at >= in_use_since:
            break
        with suppress(FileNotFoundError):  # another process removes it too
            path.unlink()
            files, removed = files + 1, removed + size
        left -= size
    return TrimmedCache(files, removed, left)


def _list_files(folder: Path) -> list[tuple[float, int, Path]]:
    """The date, size and path of each file of the cache, without unfinished ones."""
    found = []
    for name in CACHE_FOLDERS:
        for path in (folder / name).glob("[!.]*"):
            with suppress(FileNotFoundError):
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
    return found
