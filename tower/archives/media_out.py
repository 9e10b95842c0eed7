"""The files that go into an archive: found, read once to know their hash, and once more to be written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tower.archives.format import suffix_of
from tower.archives.writing import PIECE, ArchiveWriter
from tower.errors import InvalidError
from tower.media.roots import open_media, video_roots
from tower.settings import Settings

Told = Callable[[str, int, int], None]  # what is done, bytes done, bytes in all


@dataclass
class MediaOut:
    """`local`: where a file lies that content calls otherwise. `missing`: sentences about files that are not there."""

    settings: Settings
    local: Mapping[str, str]
    told: Told
    missing: list[str] = field(default_factory=list)
    _sources: dict[str, tuple[int, Callable[[], IO[bytes]]]] = field(default_factory=dict)
    _known: dict[str, str | None] = field(default_factory=dict)
    _read: int = 0

    def named(self, path: str) -> str | None:
        """The sha256 of a file that content or a row names; None, and a word in `missing`, if it cannot be read."""
        if path not in self._known:
            self._known[path] = self._look(path)
        return self._known[path]

    def reference(self, path: str) -> dict[str, str] | str:
        """The file for a row that may name any place; the path as it is if there is no such file."""
        sha256 = self.named(path)
        return path if sha256 is None else {"file": sha256, "suffix": suffix_of(path)}

    def take(self, path: str, *, sha256: str, size: int) -> None:
        """The file of an asset, if it is what was stored."""
        if sha256 in self._sources:
            return

        def opened() -> IO[bytes]:
            return Path(path).open("rb")

        try:
            with opened() as file:
                found = os.fstat(file.fileno()).st_size == size and self._hashed(file) == sha256
        except OSError as gone:
            self.missing.append(f"{path}: {gone.strerror}")
            return
        if found:
            self._sources[sha256] = (size, opened)
        else:
            self.missing.append(f"{path}: its bytes are not those that were stored")

    def write(self, archive: ArchiveWriter) -> None:
        """Raises ConflictError if a file was changed since it was looked at."""
        total = sum(size for size, _ in self._sources.values())
        done = 0

        def told(size: int) -> None:
            nonlocal done
            done += size
            self.told("writing", done, total)

        for sha256, (_, opened) in sorted(self._sources.items()):
            with opened() as file:
                archive.add_media(file, sha256=sha256, told=told)

    def _look(self, path: str) -> str | None:
        place, roots = self.local.get(path, path), video_roots(self.settings)

        def opened() -> IO[bytes]:
            return open_media(place, roots=roots)

        try:
            with opened() as file:
                size, sha256 = os.fstat(file.fileno()).st_size, self._hashed(file)
        except InvalidError as refused:
            self.missing.append(f"{path}: not {(refused.details or {}).get('expected', 'readable')}")
            return None
        if size == 0:
            self.missing.append(f"{path}: the file is empty")
            return None
        self._sources.setdefault(sha256, (size, opened))
        return sha256

    def _hashed(self, file: IO[bytes]) -> str:
        digest: Any = hashlib.sha256()
        while piece := file.read(PIECE):
            digest.update(piece)
            self._read += len(piece)
            self.told("reading", self._read, 0)
        return str(digest.hexdigest())
