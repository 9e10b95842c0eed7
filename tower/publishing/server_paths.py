"""Where Jellyfin sees a folder of this machine, and which of its libraries looks there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from tower.clients.jellyfin import Library


@dataclass(frozen=True)
class PathMap:
    """Pairs of a folder here and its path at the server, which may be another machine or a container."""

    folders: tuple[tuple[Path, str], ...] = ()

    def to_server(self, path: Path) -> str:
        """The path at the server; the longest folder that contains it counts."""
        containing = [pair for pair in self.folders if path.is_relative_to(pair[0])]
        if not containing:
            return str(path)
        here, there = max(containing, key=lambda pair: len(pair[0].parts))
        parts = path.relative_to(here).parts
        separator = "\\" if "\\" in there else "/"
        return separator.join((there.rstrip("\\/"), *parts))


def find_library(libraries: Iterable[Library], folder: str) -> Library | None:
    """The library that looks into a folder, by its path at the server."""
    return next((one for one in libraries if any(_contains(place, folder) for place in one.locations)), None)


def explain_missing_library(libraries: Sequence[Library], folder: str) -> str:
    """Why no film in the folder can be seen, with the folders that Jellyfin knows."""
    known = ", ".join(place for library in libraries for place in library.locations) or "none"
    return (
        f"No library of Jellyfin contains {folder}; its folders are: {known}. "
        "Add the folder to a library of shows, or set TOWER_JELLYFIN_PATH_MAP"
    )


def is_same_path(one: str, other: str) -> bool:
    return PureWindowsPath(one).as_posix() == PureWindowsPath(other).as_posix()


def _contains(place: str, folder: str) -> bool:
    return PureWindowsPath(folder).as_posix().startswith(PureWindowsPath(place).as_posix().rstrip("/") + "/") or (
        is_same_path(place, folder)
    )
