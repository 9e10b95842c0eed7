"""Reads an archive that anybody may have made: nothing in it is believed before it was checked."""

from __future__ import annotations

import errno
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tower.archives.format import (
    LARGEST_MANIFEST,
    LONGEST_LINE,
    MANIFEST,
    MEDIA,
    OBJECTS,
    PATHS,
    SHA256,
    ArchiveError,
    Member,
    manifest_of,
    rows_name,
)
from tower.archives.tables import CARRIED
from tower.archives.writing import PIECE
from tower.errors.codes import ErrorCode

ENCRYPTED = 0x1
SMALLEST_RATIO = 2000  # deflate packs at most about 1032 to one
KNOWN = {OBJECTS, PATHS, *(rows_name(one.member) for one in CARRIED)}
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError)


class ArchiveReader:
    """An archive whose members are exactly those of its manifest, of names that Tower knows, and no larger than said.

    Raises ArchiveError, here and by every method.
    """

    def __init__(self, path: Path, *, largest_bytes: int) -> None:
        try:
            with _places():
                self._zip = zipfile.ZipFile(path)
        except BROKEN as broken:
            raise ArchiveError("The file is no archive, or only a part of one") from broken
        try:
            self._infos = _unique(self._zip.infolist())
            self.manifest = manifest_of(self._whole(MANIFEST, LARGEST_MANIFEST))
            self._members = {member.name: member for member in self.manifest.members}
            self._check_members(largest_bytes)
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        self._zip.close()

    @property
    def media(self) -> list[Member]:
        return [member for member in self.manifest.members if member.name.startswith(MEDIA)]

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member, checked as a whole when the last was read; nothing if there is no such member."""
        member = self._members.get(name)
        if member is None:
            return
        digest, size = hashlib.sha256(), 0
        with self._opened(name) as file:
            while text := file.readline(LONGEST_LINE + 1):
                size += len(text)
                if len(text) > LONGEST_LINE or size > member.bytes:
                    raise ArchiveError(f"The archive is damaged: {name} is larger than its manifest says")
                digest.update(text)
                yield text
        _check(member, size, digest.hexdigest())

    def copy(self, member: Member, target: Path, *, told: Callable[[int], None]) -> None:
        """Write a member to a file, which must not be there."""
        digest, size = hashlib.sha256(), 0
        with self._opened(member.name) as file, target.open("xb") as out:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > member.bytes:
                    raise ArchiveError(f"The archive is damaged: {member.name} is larger than its manifest says")
                digest.update(piece)
                out.write(piece)
                told(len(piece))
        _check(member, size, digest.hexdigest())

    def _check_members(self, largest_bytes: int) -> None:
        there, said = set(self._infos) - {MANIFEST}, set(self._members)
        if len(self._members) < len(self.manifest.members):
            raise ArchiveError("The archive is damaged: its manifest names a member twice")
        for name in sorted(said | there):
            media = name.startswith(MEDIA) and SHA256.fullmatch(name.removeprefix(MEDIA))
            if name not in KNOWN and not media:
                raise ArchiveError(f"The archive holds {name[:100]!r}, which does not belong in one")
        for name in sorted(said ^ there):
            where = "holds" if name in there else "lacks"
            raise ArchiveError(f"The archive {where} {name}, and its manifest says otherwise")
        for member in self.manifest.members:
            if self._infos[member.name].file_size != member.bytes:
                raise ArchiveError(f"The archive is damaged: {member.name} has another size than its manifest says")
            if member.name.startswith(MEDIA) and member.name != MEDIA + member.sha256:
                raise ArchiveError(f"The archive is damaged: {member.name} is not what its name says")
        unpacked = sum(member.bytes for member in self.manifest.members)
        if unpacked > largest_bytes:
            raise ArchiveError(
                f"The archive unpacks to {unpacked} bytes and may have {largest_bytes}: see TOWER_ARCHIVE_MAX_BYTES",
                code=ErrorCode.ARCHIVE_TOO_LARGE,
            )

    def _whole(self, name: str, largest: int) -> bytes:
        if name not in self._infos:
            raise ArchiveError(f"This is no archive of a Tower project: it has no {name}")
        with self._opened(name) as file:
            text = file.read(largest + 1)
        if len(text) > largest:
            raise ArchiveError(f"The archive is damaged: its {name} is too large")
        return text

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with _places():
                opened = self._zip.open(self._infos[name])
            with opened as file:
                yield file
        except ArchiveError:
            raise
        except BROKEN as broken:
            raise ArchiveError(f"The archive is damaged: {name} cannot be read") from broken


@contextmanager
def _places() -> Iterator[None]:
    """zipfile goes where the file tells it to, before its beginning too, and has no word of its own for that."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise zipfile.BadZipFile("It places something before its beginning") from error
        raise


def _unique(infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        shown = info.filename[:100]
        if info.filename in found:
            raise ArchiveError(f"The archive is damaged: it holds {shown!r} twice")
        if info.flag_bits & ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(f"The archive holds {shown!r} in a form that Tower does not read")
        if info.file_size > SMALLEST_RATIO * max(info.compress_size, 1):
            raise ArchiveError(f"The archive is damaged: {shown!r} would unpack to {info.file_size} bytes")
        found[info.filename] = info
    return found


def _check(member: Member, size: int, sha256: str) -> None:
    if (size, sha256) != (member.bytes, member.sha256):
        raise ArchiveError(f"The archive is damaged: {member.name} is not what its manifest says")
