"""Resolve and open the files that a request may name: regular, readable files under the media folders.

The path of a request is resolved once, including links, and the result must be under a resolved root. A path outside
gets the same error whether it exists or not. Opening is safe from concurrent changes: the path is walked from the root
folder by folder, each opened relative to its parent and without following links (O_NOFOLLOW), and the opened file, not
its name, is checked to be a regular file. A hard link looks like any file, but only those who can read the file can
create one.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tower.errors import InvalidError
from tower.settings import Settings

MAX_PATH_BYTES = 4095  # PATH_MAX of Linux without the NUL
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # non-blocking, as a FIFO would wait for a writer
EXPECTED_BY_ERRNO = {
    errno.ENOENT: "a file that exists",
    errno.ENOTDIR: "a file that exists",
    errno.EACCES: "a file that Tower may read",
    errno.EPERM: "a file that Tower may read",
}


def media_roots(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that image_path and audio_path may refer to: <data>/media and TOWER_MEDIA_ROOTS."""
    return (settings.media, *settings.media_roots)


def video_roots(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that video_path may refer to: the media roots and the renders."""
    return (*media_roots(settings), settings.renders)


def resolve_media_path(text: str, *, roots: Sequence[Path], field: str = "path") -> Path:
    """Resolve the path that a request gives in `field`. Raises InvalidError for a file that must not be read."""
    path, descriptor = _open_checked(text, roots=roots, field=field)
    os.close(descriptor)
    return path


def open_media(path: Path | str, *, roots: Sequence[Path], field: str = "path") -> IO[bytes]:
    """Open a file with the checks of `resolve_media_path`. Read from the result; do not open the path again."""
    return os.fdopen(_open_checked(str(path), roots=roots, field=field)[1], "rb")


def _open_checked(text: str, *, roots: Sequence[Path], field: str) -> tuple[Path, int]:
    """Return the resolved path and a descriptor of the regular file."""
    path = _resolve(text) if _is_safe_path(text) else None
    root = _find_root(path, roots) if path else None
    if path is None or root is None:
        raise InvalidError.field(field, text, _describe_roots(roots))
    try:
        descriptor = _walk(root, path.relative_to(root).parts)
    except OSError as error:
        raise InvalidError.field(
            field, text, EXPECTED_BY_ERRNO.get(error.errno or 0, _describe_roots(roots))
        ) from error
    if descriptor is None:
        raise InvalidError.field(field, text, "a regular file, not a folder, pipe, socket or device")
    return path, descriptor


def _describe_roots(roots: Sequence[Path]) -> str:
    return f"the full path of a file under {' or '.join(str(root) for root in roots)}"


def _is_safe_path(text: str) -> bool:
    """Whether a path is absolute, normalised, free of control characters and not under /proc, /dev or /sys."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    odd = any(ord(character) < 32 or ord(character) == 127 for character in text)
    normal = text.startswith("/") and not text.startswith("//") and text == os.path.normpath(text)
    magic = text.startswith(("/proc/", "/dev/", "/sys/"))  # their links lead to files of other processes
    return normal and not odd and not magic and len(encoded) <= MAX_PATH_BYTES


def _resolve(text: str) -> Path | None:
    """Resolve all links; None if the path changes meanwhile."""
    try:
        return Path(os.path.realpath(text))
    except OSError:
        return None


def _find_root(path: Path, roots: Sequence[Path]) -> Path | None:
    resolved = (Path(os.path.realpath(root)) for root in roots)
    return next((root for root in resolved if path != root and path.is_relative_to(root)), None)


def _walk(root: Path, parts: Sequence[str]) -> int | None:
    """Open root/parts folder by folder without following links. Returns None if it is not a regular file.

    Raises OSError if a part is a link or does not exist.
    """
    folder = os.open(root, FOLDER_FLAGS)
    try:
        for part in parts[:-1]:
            child = os.open(part, FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = child
        return _open_regular(parts[-1], folder)
    finally:
        os.close(folder)


def _open_regular(name: str, folder: int) -> int | None:
    """Open a regular file; None for anything else.

    It is checked before opening, as opening a device can have side effects, and after, as it may have been replaced.
    """
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return None
    descriptor = os.open(name, FILE_FLAGS, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None
