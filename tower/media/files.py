"""Write files atomically: to a temporary name in the same folder, then fsync and rename."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

# Another file system, one without hard links (exFAT, some network drives), or too many links to the file.
NO_LINK_ERRNOS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)

TEMPORARY_NAME = re.compile(r"\..+\.[0-9a-f]{32}\.part(\.\w+)?")
LEFTOVER_AGE_S = 86_400


class DiskFullError(TowerError):
    code = ErrorCode.DISK_FULL
    status = 507


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file, which is read in chunks."""
    with path.open("rb") as file:
        return sha256_of_open(file)


def sha256_of_open(file: IO[bytes]) -> str:
    """Return the hex digest of an open file, read from its start to its end."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # IO has no readinto; files have


@contextmanager
def write_atomically(target: Path) -> Iterator[Path]:
    """Yield a temporary path with the suffix of `target`. It is renamed to `target` on exit, or removed after an error.

    Creates the folder if it is missing, and replaces an existing file. Raises DiskFullError.
    """
    part = target.with_name(f".{target.stem}.{uuid.uuid4().hex}.part{target.suffix}")
    try:
        with _translate_disk_full(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield part
            _rename_durably(part, target)
    finally:
        with suppress(FileNotFoundError):  # renamed, or never written
            part.unlink()


def remove_leftovers(folder: Path, *, of: Path | None = None, min_age_s: float = LEFTOVER_AGE_S) -> None:
    """Remove the temporary files that killed processes left in a folder, a day after they were last written to.

    `of`: only those of this target.
    """
    newest = time.time() - min_age_s
    for path in folder.glob(".*.part*"):
        is_wanted = of is None or path.name.startswith(f".{of.stem}.")
        with suppress(FileNotFoundError):  # another process removes it too
            if is_wanted and TEMPORARY_NAME.fullmatch(path.name) and path.stat().st_mtime <= newest:
                path.unlink()


def publish_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source` if the file system allows it, otherwise a copy.

    `source` stays, so that a later step can be retried, and must not be written to again. `target` is never incomplete.
    Raises DiskFullError.
    """
    with write_atomically(target) as part:
        try:
            os.link(source, part)
        except OSError as error:
            if error.errno not in NO_LINK_ERRNOS:
                raise
            shutil.copyfile(source, part)


def touch_if_present(path: Path) -> bool:
    """Whether the file exists. Call this before committing a row that refers to it.

    Sets the date of the file to now, so that `tower.storage.garbage` does not remove it as unreferenced.
    """
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return path.is_file()


def _rename_durably(part: Path, target: Path) -> None:
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
def _translate_disk_full(folder: Path) -> Iterator[None]:
    """Translate errors of a full disk to DiskFullError. PyAV raises them as OSErrors with an errno too."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(f"The disk is full: {folder} cannot be written to. Free some space") from error
