"""Walks through a library folder, one folder at a time, and never leaves it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tower.library.columns import clamp_mtime_ns
from tower.library.roots import LibraryPath
from tower.library.tracks import UNSTORABLE, is_music, is_storable


@dataclass(frozen=True)
class AudioFile:
    """A regular file with an audio extension, as its folder lists it."""

    library_path: LibraryPath
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class SkippedEntry:
    """An entry that cannot be used. `reason` is a half sentence."""

    path: str
    reason: str


@dataclass
class ListedFolder:
    """One folder. `files` can be iterated once and includes the entries that cannot be used."""

    root: Path
    name: str
    files: Iterator[AudioFile | SkippedEntry]
    below: list[str] = field(default_factory=list)


def walk_folders(root: Path, roots: Sequence[Path]) -> Iterator[ListedFolder | SkippedEntry]:
    """The root and all folders below it, parents first. Iterate the `files` of each before taking the next.

    Names that begin with a dot, and what Tower has stored itself, are left out. Links are not followed: their target is
    found by its own path, or is outside the library.
    """
    waiting = [""]
    while waiting:
        name = waiting.pop()
        try:
            entries = os.scandir(root / name)
        except OSError as error:
            yield SkippedEntry(printable_path(root / name), f"the folder cannot be read: {error.strerror}")
            continue
        with entries:
            folder = ListedFolder(root, name, iter(()))
            folder.files = _files(entries, folder, roots)
            yield folder
        waiting += sorted(folder.below, reverse=True)


def count_entries(roots: Sequence[Path]) -> int:
    """How many entries a scan will look at."""
    found = (folder for root in roots for folder in walk_folders(root, roots))
    return sum(1 for folder in found if isinstance(folder, ListedFolder) for _ in folder.files)


def printable_path(path: Path | str) -> str:
    """A path as text that is valid UTF-8. Other bytes become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _files(
    entries: Iterator[os.DirEntry[str]], folder: ListedFolder, roots: Sequence[Path]
) -> Iterator[AudioFile | SkippedEntry]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            folder.below.append(os.path.join(folder.name, entry.name))  # noqa: PTH118 - "" joined stays relative
        elif is_music(entry.name) and (found := _inspect(entry, folder, roots)):
            yield found


def _inspect(entry: os.DirEntry[str], folder: ListedFolder, roots: Sequence[Path]) -> AudioFile | SkippedEntry | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return SkippedEntry(printable_path(entry.path), f"it cannot be read: {error.strerror}")
    if stat.S_ISLNK(status.st_mode):
        return _inspect_link(entry, roots)
    place = LibraryPath(folder.root, folder.name, entry.name)
    if place.is_written_by_tower:
        return None
    if not stat.S_ISREG(status.st_mode):
        return SkippedEntry(printable_path(entry.path), "it is not a regular file but a pipe, socket or device")
    if not is_storable(place):
        return SkippedEntry(printable_path(entry.path), UNSTORABLE)
    return AudioFile(place, status.st_size, clamp_mtime_ns(status.st_mtime_ns))


def _inspect_link(entry: os.DirEntry[str], roots: Sequence[Path]) -> SkippedEntry | None:
    """The reason why a link is unusable; None for a link to a file of the library."""
    target = Path(os.path.realpath(entry.path))
    if not os.path.lexists(target):
        return SkippedEntry(printable_path(entry.path), "it is a broken link")
    if not any(target.is_relative_to(root) for root in roots):
        return SkippedEntry(printable_path(entry.path), "it is a link to a file outside the library")
    return None
