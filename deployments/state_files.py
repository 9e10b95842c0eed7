"""Private files that are written atomically, and locks that end with their process."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import IO

from tower.errors import StackError


def write_private(path: Path, text: str) -> None:
    """Write `text` atomically to a file that only this user can read."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(path)


class FileLock:
    """A lock on a file that at most one process holds. It is freed when that process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self, message: str) -> None:
        """Acquire the lock, or keep it. Raises StackError(otherwise) if another process holds it."""
        if self._file is not None:
            return
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StackError(message) from None
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
