"""Walks through a library folder, one folder at a time, and never leaves it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tower.library.roots import Place
from tower.library.tracks import fits, is_music


@dataclass(frozen=True)
class Seen:
    """A regular file with an audio extension, as its folder lists it."""

    place: Place
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Odd:
    """An entry that cannot be used. `reason` is a half sentence."""

    path: str
    reason: str


@dataclass
class Folder:
    """One folder. `files` can be iterated once and includes the entries that cannot be used."""

    root: Path
    name: str
    files: Iterator[Seen | Odd]
    below: list[str] = field(default_factory=list)


def folders(root: Path, roots: Sequence[Path]) -> Iterator[Folder | Odd]:
    """The root and all folders below it, parents first. Iterate the `files` of each before taking the next.

    Names that begin with a dot are left out. Links are not followed: their target is found by its own path, or is
    outside the library.
    """
    waiting = [""]
    while waiting:
        name = waiting.pop()
        try:
            entries = os.scandir(root / name)
        except OSError as error:
            yield Odd(shown(root / name), f"the folder cannot be read: {error.strerror}")
            continue
        with entries:
            folder = Folder(root, name, iter(()))
            folder.files = _files(entries, folder, roots)
            yield folder
        waiting += sorted(folder.below, reverse=True)


def count(roots: Sequence[Path]) -> int:
    """How many entries a scan will look at."""
    found = (folder for root in roots for folder in folders(root, roots))
    return sum(1 for folder in found if isinstance(folder, Folder) for _ in folder.files)


def shown(path: Path | str) -> str:
    """A path as text that is valid UTF-8. Other bytes become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _files(entries: Iterator[os.DirEntry[str]], folder: Folder, roots: Sequence[Path]) -> Iterator[Seen | Odd]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            folder.below.append(os.path.join(folder.name, entry.name))  # noqa: PTH118 - "" joined stays relative
        elif is_music(entry.name) and (found := _inspect(entry, folder, roots)):
            yield found


def _inspect(entry: os.DirEntry[str], folder: Folder, roots: Sequence[Path]) -> Seen | Odd | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Odd(shown(entry.path), f"it cannot be read: {error.strerror}")
    if stat.S_ISLNK(status.st_mode):
        return _inspect_link(entry, roots)
    place = Place(folder.root, folder.name, entry.name)
    if not stat.S_ISREG(status.st_mode):
        return Odd(shown(entry.path), "it is not a regular file but a pipe, socket or device")
    if not fits(place):
        return Odd(shown(entry.path), "its path is not UTF-8, or is longer than 2,000 bytes")
    return Seen(place, status.st_size, status.st_mtime_ns)


def _inspect_link(entry: os.DirEntry[str], roots: Sequence[Path]) -> Odd | None:
    """The reason why a link is unusable; None for a link to a file of the library."""
    target = Path(os.path.realpath(entry.path))
    if not os.path.lexists(target):
        return Odd(shown(entry.path), "it is a broken link")
    if not any(target.is_relative_to(root) for root in roots):
        return Odd(shown(entry.path), "it is a link to a file outside the library")
    return None
