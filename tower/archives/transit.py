"""Folders for archives in transit. A lock tells the folder of a live process from one that a killed process left."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from tower.settings import Settings

IMPORT_PREFIX = "import-"


def spool_folder(settings: Settings) -> AbstractContextManager[Path]:
    """A folder for an archive that is sent or received."""
    return _locked_folder(settings.data / "cache" / "archives", "")


def unpacking_folder(settings: Settings) -> AbstractContextManager[Path]:
    """A folder for the media of an archive, on the disk of the renders, which become hard links to them."""
    return _locked_folder(settings.renders / ".partial", IMPORT_PREFIX)


def remove_abandoned_folders(settings: Settings) -> int:
    """Remove the folders of processes that were killed, and return their count. Safe while others export and import."""
    spooled = (settings.data / "cache" / "archives").glob("*/")
    unpacked = (settings.renders / ".partial").glob(f"{IMPORT_PREFIX}*/")
    return sum(_remove_if_unlocked(folder) for folder in (*spooled, *unpacked))


@contextmanager
def _locked_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder that exists for the duration of the block."""
    parent.mkdir(parents=True, exist_ok=True)
    while (made := _make_locked(parent / f"{prefix}{uuid.uuid4().hex}")) is None:
        pass
    folder, lock = made
    try:
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        finally:
            os.close(lock)


def _make_locked(folder: Path) -> tuple[Path, int] | None:
    """None if `remove_abandoned_folders` removes the folder before it is locked."""
    folder.mkdir()
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a file system without locks: such folders are removed after a day only
        fcntl.flock(lock, fcntl.LOCK_EX)
    if folder.exists():
        return folder, lock
    os.close(lock)
    return None


def _remove_if_unlocked(folder: Path) -> bool:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # another process uses it
        return False
    finally:
        os.close(lock)
    return True
