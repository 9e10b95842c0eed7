"""The folders of the music library: <data>/media, TOWER_MEDIA_ROOTS and TOWER_MUSIC_DIRS."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tower.errors import InvalidError
from tower.media.roots import media_roots
from tower.settings import Settings

# Below a folder of its first two digits: an imported file, a take, a copy for browsers.
CONTENT_NAME = re.compile(r"[0-9a-f]{64}(?:\.[a-z0-9]{1,8}){0,2}")


@dataclass(frozen=True)
class LibraryPath:
    """The path of a file in the library. `folder` is relative to the root; "" is the root itself."""

    root: Path
    folder: str
    filename: str

    @property
    def full_path(self) -> Path:
        return self.root / self.folder / self.filename

    @property
    def is_written_by_tower(self) -> bool:
        """Whether Tower has stored the file by the hash of its content: it is a copy and not the user's music."""
        is_hash = CONTENT_NAME.fullmatch(self.filename) is not None
        return is_hash and self.full_path.parent.name == self.filename[:2]


def library_roots(settings: Settings) -> tuple[Path, ...]:
    """The library folders, resolved, without duplicates and without folders inside others. They need not exist."""
    given = dict.fromkeys(Path(os.path.realpath(root)) for root in (*media_roots(settings), *settings.music_dirs))
    return tuple(root for root in given if not any(root != other and root.is_relative_to(other) for other in given))


def split_library_path(path: Path, roots: Sequence[Path]) -> LibraryPath:
    """Split a path into root, folder and name. `path` is resolved, as `resolve_media_path` returns it.

    Raises InvalidError for a path outside the library.
    """
    root = next((root for root in roots if path != root and path.is_relative_to(root)), None)
    if root is None:
        raise InvalidError.field("path", str(path), "the full path of a file in the music library")
    below = path.relative_to(root)
    folder = str(below.parent)
    return LibraryPath(root, "" if folder == "." else folder, below.name)
