"""Write an archive member by member. The result is reproducible: it contains no dates and no data of the machine."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from tower.archives.format import MANIFEST_MEMBER, Manifest, Member, media_member
from tower.errors import ConflictError
from tower.versions.values import encode_canonical

CHUNK_BYTES = 2**20  # bytes
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold
UNIX_SYSTEM = 3  # create_system of a zip


class ArchiveWriter:
    """Writes an archive to `path`, which `close` completes. Holds one chunk of one member in memory."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "x", allowZip64=True)
        self.members: list[Member] = []

    def close(self) -> None:
        self._zip.close()

    def add_lines(self, name: str, lines: Iterable[bytes]) -> int:
        """Add a member and return its count of lines. A member without lines is left out."""
        count, size, digest = 0, 0, hashlib.sha256()
        rest = iter(lines)
        first = next(rest, None)
        if first is None:
            return 0
        with self._zip.open(_zip_info(name, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as member:
            for text in _prepend(first, rest):
                member.write(text)
                digest.update(text)
                count, size = count + 1, size + len(text)
        self.members.append(Member(name=name, sha256=digest.hexdigest(), bytes=size))
        return count

    def add_media(self, file: IO[bytes], *, sha256: str, progress: Callable[[int], None]) -> None:
        """Add a file from its current position to its end. Raises ConflictError if it does not match `sha256`."""
        name, size, digest = media_member(sha256), 0, hashlib.sha256()
        with self._zip.open(_zip_info(name, zipfile.ZIP_STORED), "w", force_zip64=True) as member:
            while chunk := file.read(CHUNK_BYTES):
                member.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                progress(len(chunk))
        if digest.hexdigest() != sha256:
            raise ConflictError("A file has changed during the export: export the project again")
        self.members.append(Member(name=name, sha256=sha256, bytes=size))

    def add_manifest(self, manifest: Manifest) -> None:
        with self._zip.open(_zip_info(MANIFEST_MEMBER, zipfile.ZIP_DEFLATED), "w", force_zip64=True) as member:
            member.write(encode_canonical(manifest.model_dump(mode="json")))


def _zip_info(name: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, ZIP_EPOCH)
    info.compress_type = compression
    info.create_system = UNIX_SYSTEM
    info.external_attr = 0o644 << 16
    return info


def _prepend(first: bytes, rest: Iterable[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest
