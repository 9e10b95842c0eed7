"""The files of an archive. Each is read twice: once to compute its hash and once to write it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tower.archives.format import archived_suffix
from tower.archives.writing import CHUNK_BYTES, ArchiveWriter
from tower.errors import InvalidError
from tower.media.roots import open_media, video_roots
from tower.settings import Settings

ProgressCallback = Callable[[str, int, int], None]  # (stage, bytes done, bytes in total)


@dataclass
class MediaExporter:
    """Collects the files of an archive.

    local_paths: the actual path of files that content refers to by another one.
    missing: a sentence about each file that cannot be read.
    """

    settings: Settings
    local_paths: Mapping[str, str]
    progress: ProgressCallback
    missing: list[str] = field(default_factory=list)
    _sources: dict[str, tuple[int, Callable[[], IO[bytes]]]] = field(default_factory=dict)
    _known: dict[str, str | None] = field(default_factory=dict)
    _read: int = 0

    def add_path(self, path: str) -> str | None:
        """Add a file that content or a row refers to, and return its sha256; None if it cannot be read."""
        if path not in self._known:
            self._known[path] = self._add_source(path)
        return self._known[path]

    def add_reference(self, path: str) -> dict[str, str] | str:
        """Add a file, and return a reference to it for a row; the path itself if it cannot be read."""
        sha256 = self.add_path(path)
        return path if sha256 is None else {"file": sha256, "suffix": archived_suffix(path)}

    def add_take(self, path: str, *, sha256: str, size: int) -> None:
        """Add the file of an asset if it is unchanged."""
        if sha256 in self._sources:
            return

        def open_file() -> IO[bytes]:
            return Path(path).open("rb")

        try:
            with open_file() as file:
                found = os.fstat(file.fileno()).st_size == size and self._hash(file) == sha256
        except OSError as error:
            self.missing.append(f"{path}: {error.strerror}")
            return
        if found:
            self._sources[sha256] = (size, open_file)
        else:
            self.missing.append(f"{path}: the file has changed since it was stored")

    def write(self, archive: ArchiveWriter) -> None:
        """Write all files. Raises ConflictError if a file has changed since it was added."""
        total = sum(size for size, _ in self._sources.values())
        done = 0

        def report(size: int) -> None:
            nonlocal done
            done += size
            self.progress("writing", done, total)

        for sha256, (_, open_file) in sorted(self._sources.items()):
            with open_file() as file:
                archive.add_media(file, sha256=sha256, progress=report)

    def _add_source(self, path: str) -> str | None:
        place, roots = self.local_paths.get(path, path), video_roots(self.settings)

        def open_file() -> IO[bytes]:
            return open_media(place, roots=roots)

        try:
            with open_file() as file:
                size, sha256 = os.fstat(file.fileno()).st_size, self._hash(file)
        except InvalidError as error:
            self.missing.append(f"{path}: not {(error.details or {}).get('expected', 'readable')}")
            return None
        if size == 0:
            self.missing.append(f"{path}: the file is empty")
            return None
        self._sources.setdefault(sha256, (size, open_file))
        return sha256

    def _hash(self, file: IO[bytes]) -> str:
        digest: Any = hashlib.sha256()
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            self._read += len(chunk)
            self.progress("reading", self._read, 0)
        return str(digest.hexdigest())
