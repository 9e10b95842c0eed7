"""Files that are there whole or not at all: written beside their place, fsynced, renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

# Another file system; one that knows no links (exFAT, some network drives); a file linked too often.
NO_LINK = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


class DiskFullError(TowerError):
    code = ErrorCode.DISK_FULL
    status = 507


def sha256_of(path: Path) -> str:
    """The hex digest of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(target: Path) -> Iterator[Path]:
    """A path beside `target`, with its ending, to write to: published as `target`, or gone after an error in the block.

    The folder is made if need be; a file that is there already is replaced. Raises DiskFullError.
    """
    part = target.with_name(f".{target.stem}.{uuid.uuid4().hex}.part{target.suffix}")
    try:
        with _room_on(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield part
            _publish(part, target)
    finally:
        with suppress(FileNotFoundError):  # published, or never begun
            part.unlink()


def place(source: Path, target: Path) -> None:
    """Make `target` a file of the same bytes as `source`: another name for it where the file system can, else a copy.

    `source` stays, so that a step that fails after this can be done again; do not write into it any more. At no moment
    is there half a target. Raises DiskFullError.
    """
    with writing(target) as part:
        try:
            os.link(source, part)
        except OSError as error:
            if error.errno not in NO_LINK:
                raise
            shutil.copyfile(source, part)


def still_wanted(path: Path) -> bool:
    """Whether the file is there, for whoever is about to name it in a row; say so before that is committed.

    Its date becomes now: the sweep of unneeded files leaves alone what was wanted a moment ago (`unneeded_files`).
    """
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return path.is_file()


def _publish(part: Path, target: Path) -> None:
    _fsync(part)
    part.replace(target)
    _fsync(target.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _room_on(folder: Path) -> Iterator[None]:
    """Says a full disk in one sentence. PyAV's errors are OSErrors with an errno too."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(f"The disk is full: nothing more can be written to {folder}; free some space") from error
