"""Removes what killed assemblies left unfinished."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tower.media.files import LEFTOVER_AGE_S, remove_leftovers

CACHE_FOLDERS = ("clips", "seams", "slices", "sound", "films")


@contextmanager
def use_cache(folder: Path, target: Path) -> Iterator[None]:
    """Hold the cache while a film is made of it, and remove unfinished files first.

    While no other assembly holds it, all of them are of processes that died. Otherwise only those of a day ago are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        min_age_s = 0.0 if _is_alone(lock) else LEFTOVER_AGE_S
        for name in CACHE_FOLDERS:
            remove_leftovers(folder / name, min_age_s=min_age_s)
        remove_leftovers(target.parent, of=target, min_age_s=min_age_s)
        remove_leftovers(target.parent)
        with suppress(OSError):  # a file system without locks, where no assembly is alone
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _is_alone(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
