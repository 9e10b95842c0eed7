"""Walking through a library folder: what lies there, folder by folder, and never out of it."""

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
    """A regular file of an audio kind, as the folder lists it."""

    place: Place
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Odd:
    """Something that cannot be taken. `reason` is a half sentence."""

    path: str
    reason: str


@dataclass
class Folder:
    """One folder. `files` may be walked through once; what cannot be taken comes among them."""

    root: Path
    name: str
    files: Iterator[Seen | Odd]
    below: list[str] = field(default_factory=list)


def folders(root: Path, roots: Sequence[Path]) -> Iterator[Folder | Odd]:
    """The root and all folders below, each before those in it. Walk through its `files` before asking for the next.

    Names that begin with a dot are left out. A link is not followed: what it leads to is found by its own name, or
    lies outside.
    """
    waiting = [""]
    while waiting:
        name = waiting.pop()
        try:
            entries = os.scandir(root / name)
        except OSError as refused:
            yield Odd(shown(root / name), f"the folder cannot be read: {refused.strerror}")
            continue
        with entries:
            folder = Folder(root, name, iter(()))
            folder.files = _files(entries, folder, roots)
            yield folder
        waiting += sorted(folder.below, reverse=True)


def count(roots: Sequence[Path]) -> int:
    """How many files a walk will look at."""
    found = (folder for root in roots for folder in folders(root, roots))
    return sum(1 for folder in found if isinstance(folder, Folder) for _ in folder.files)


def shown(path: Path | str) -> str:
    """A path that any table and page can hold: bytes that are no UTF-8 as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _files(entries: Iterator[os.DirEntry[str]], folder: Folder, roots: Sequence[Path]) -> Iterator[Seen | Odd]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            folder.below.append(os.path.join(folder.name, entry.name))  # noqa: PTH118 - "" joined stays relative
        elif is_music(entry.name) and (found := _looked_at(entry, folder, roots)):
            yield found


def _looked_at(entry: os.DirEntry[str], folder: Folder, roots: Sequence[Path]) -> Seen | Odd | None:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError as gone:
        return Odd(shown(entry.path), f"it cannot be looked at: {gone.strerror}")
    if stat.S_ISLNK(found.st_mode):
        return _link(entry, roots)
    place = Place(folder.root, folder.name, entry.name)
    if not stat.S_ISREG(found.st_mode):
        return Odd(shown(entry.path), "it is no regular file, but a pipe, socket or device")
    if not fits(place):
        return Odd(shown(entry.path), "its path is no UTF-8, or longer than 2,000 bytes")
    return Seen(place, found.st_size, found.st_mtime_ns)


def _link(entry: os.DirEntry[str], roots: Sequence[Path]) -> Odd | None:
    """Null for one to a file of the library."""
    target = Path(os.path.realpath(entry.path))
    if not os.path.lexists(target):
        return Odd(shown(entry.path), "it is a link to nothing")
    if not any(target.is_relative_to(root) for root in roots):
        return Odd(shown(entry.path), "it is a link that leads out of the library")
    return None
