"""Which files a request may name: regular, readable ones under the media folders, and nothing else.

A request's path is resolved once, links and all, and what it resolves to must lie under a resolved root. Whatever is
outside is refused in the same words, be it there or not. Opening is safe from a change in between: the way down from
the root is walked folder by folder, each opened relative to the one before and none through a link (O_NOFOLLOW), and
what was opened is asked, not its name, whether it is a regular file. A hard link cannot be told from a file; whoever
can make one there can read the file anyway.
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

LONGEST_BYTES = 4095  # PATH_MAX of Linux without its NUL
INSIDE = "the full path of a file under the media folders"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would wait for its writer
REASONS = {
    errno.ENOENT: "a file that exists",
    errno.ENOTDIR: "a file that exists",
    errno.EACCES: "a file that Tower may read",
    errno.EPERM: "a file that Tower may read",
}


def media_roots(settings: Settings) -> tuple[Path, ...]:
    """Where image_path and audio_path may point: <data>/media and TOWER_MEDIA_ROOTS."""
    return (settings.media, *settings.media_roots)


def video_roots(settings: Settings) -> tuple[Path, ...]:
    """Where video_path may point: a take that Tower rendered may be named as well."""
    return (*media_roots(settings), settings.renders)


def media_path(text: str, *, roots: Sequence[Path], field: str = "path") -> Path:
    """The file that a request names in `field`, resolved. InvalidError for everything that is not to be read."""
    path, descriptor = _opened(text, roots=roots, field=field)
    os.close(descriptor)
    return path


def open_media(path: Path | str, *, roots: Sequence[Path], field: str = "path") -> IO[bytes]:
    """The same, opened for reading. Read this, instead of opening the path once more."""
    return os.fdopen(_opened(str(path), roots=roots, field=field)[1], "rb")


def _opened(text: str, *, roots: Sequence[Path], field: str) -> tuple[Path, int]:
    """The resolved path and a descriptor of the regular file there."""
    path = _resolved(text) if _is_plain(text) else None
    root = _root_of(path, roots) if path else None
    if path is None or root is None:
        raise InvalidError.field(field, text, INSIDE)
    try:
        descriptor = _walk(root, path.relative_to(root).parts)
    except OSError as refused:
        raise InvalidError.field(field, text, REASONS.get(refused.errno or 0, INSIDE)) from refused
    if descriptor is None:
        raise InvalidError.field(field, text, "a regular file: no folder, pipe, socket or device")
    return path, descriptor


def _is_plain(text: str) -> bool:
    """Absolute and in normal form, of characters that a file name may have; nothing of /proc, /dev or /sys."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    odd = any(ord(character) < 32 or ord(character) == 127 for character in text)
    normal = text.startswith("/") and not text.startswith("//") and text == os.path.normpath(text)
    magic = text.startswith(("/proc/", "/dev/", "/sys/"))  # their links lead to files of processes
    return normal and not odd and not magic and len(encoded) <= LONGEST_BYTES


def _resolved(text: str) -> Path | None:
    """Null if it changed while it was looked at."""
    try:
        return Path(os.path.realpath(text))
    except OSError:
        return None


def _root_of(path: Path, roots: Sequence[Path]) -> Path | None:
    resolved = (Path(os.path.realpath(root)) for root in roots)
    return next((root for root in resolved if path != root and path.is_relative_to(root)), None)


def _walk(root: Path, parts: Sequence[str]) -> int | None:
    """A descriptor of root/parts, opened step by step so that no link is followed; null if it is no regular file.

    OSError if there is a link on the way, or nothing.
    """
    folder = os.open(root, FOLDER)
    try:
        for part in parts[:-1]:
            below = os.open(part, FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        return _regular(parts[-1], folder)
    finally:
        os.close(folder)


def _regular(name: str, folder: int) -> int | None:
    """Looked at before it is opened, as opening a device can do things, and after, as it may be another by then."""
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return None
    descriptor = os.open(name, FILE, dir_fd=folder)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None
