"""Read an archive from an untrusted source: everything in it is checked before use."""

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
    MANIFEST_MEMBER,
    MAX_LINE_BYTES,
    MAX_MANIFEST_BYTES,
    MEDIA_FOLDER,
    OBJECTS_MEMBER,
    PATHS_MEMBER,
    SHA256_PATTERN,
    ArchiveError,
    Member,
    parse_manifest,
    rows_member,
)
from tower.archives.tables import ARCHIVED_TABLES
from tower.archives.writing import CHUNK_BYTES
from tower.errors.codes import ErrorCode

ENCRYPTED = 0x1
MAX_COMPRESSION_RATIO = 2000  # deflate compresses at most about 1032 to 1
KNOWN_MEMBERS = {OBJECTS_MEMBER, PATHS_MEMBER, *(rows_member(table.member) for table in ARCHIVED_TABLES)}
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError)


class ArchiveReader:
    """An archive whose members match its manifest, have known names and are not larger than the manifest says.

    The constructor and every method raise ArchiveError.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        try:
            with _translate_bad_offset():
                self._zip = zipfile.ZipFile(path)
        except ZIP_ERRORS as error:
            raise ArchiveError("The file is not an archive, or is incomplete") from error
        try:
            self._infos = _infos_by_name(self._zip.infolist())
            self.manifest = parse_manifest(self._read(MANIFEST_MEMBER, MAX_MANIFEST_BYTES))
            self._members = {member.name: member for member in self.manifest.members}
            self._check_members(max_bytes)
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        self._zip.close()

    @property
    def media(self) -> list[Member]:
        return [member for member in self.manifest.members if member.name.startswith(MEDIA_FOLDER)]

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a member; none if it does not exist. Its hash is checked after the last line."""
        member = self._members.get(name)
        if member is None:
            return
        digest, size = hashlib.sha256(), 0
        with self._open(name) as file:
            while text := file.readline(MAX_LINE_BYTES + 1):
                size += len(text)
                if len(text) > MAX_LINE_BYTES or size > member.bytes:
                    raise ArchiveError(f"The archive is damaged: {name} is larger than its manifest says")
                digest.update(text)
                yield text
        _check_content(member, size, digest.hexdigest())

    def extract(self, member: Member, target: Path, *, progress: Callable[[int], None]) -> None:
        """Write a member to a new file."""
        digest, size = hashlib.sha256(), 0
        with self._open(member.name) as file, target.open("xb") as out:
            while chunk := file.read(CHUNK_BYTES):
                size += len(chunk)
                if size > member.bytes:
                    raise ArchiveError(f"The archive is damaged: {member.name} is larger than its manifest says")
                digest.update(chunk)
                out.write(chunk)
                progress(len(chunk))
        _check_content(member, size, digest.hexdigest())

    def _check_members(self, largest_bytes: int) -> None:
        present, listed = set(self._infos) - {MANIFEST_MEMBER}, set(self._members)
        if len(self._members) < len(self.manifest.members):
            raise ArchiveError("The archive is damaged: its manifest names a member twice")
        for name in sorted(listed | present):
            media = name.startswith(MEDIA_FOLDER) and SHA256_PATTERN.fullmatch(name.removeprefix(MEDIA_FOLDER))
            if name not in KNOWN_MEMBERS and not media:
                raise ArchiveError(f"The archive holds {name[:100]!r}, which does not belong in an archive")
        for name in sorted(listed ^ present):
            where = "holds" if name in present else "lacks"
            raise ArchiveError(f"The archive {where} {name}, but its manifest says otherwise")
        for member in self.manifest.members:
            if not member.bytes and not member.name.startswith(MEDIA_FOLDER):
                raise ArchiveError(f"The archive is damaged: {member.name} is empty")
            if self._infos[member.name].file_size != member.bytes:
                raise ArchiveError(f"The archive is damaged: {member.name} has another size than its manifest says")
            if member.name.startswith(MEDIA_FOLDER) and member.name != MEDIA_FOLDER + member.sha256:
                raise ArchiveError(f"The archive is damaged: {member.name} does not match the hash in its name")
        unpacked = sum(member.bytes for member in self.manifest.members)
        if unpacked > largest_bytes:
            raise ArchiveError(
                f"The archive unpacks to {unpacked} bytes, more than the {largest_bytes} of TOWER_ARCHIVE_MAX_BYTES",
                code=ErrorCode.ARCHIVE_TOO_LARGE,
            )

    def _read(self, name: str, largest: int) -> bytes:
        if name not in self._infos:
            raise ArchiveError(f"This is not an archive of a Tower project: it has no {name}")
        with self._open(name) as file:
            text = file.read(largest + 1)
        if len(text) > largest:
            raise ArchiveError(f"The archive is damaged: its {name} is too large")
        return text

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with _translate_bad_offset():
                opened = self._zip.open(self._infos[name])
            with opened as file:
                yield file
        except ArchiveError:
            raise
        except ZIP_ERRORS as error:
            raise ArchiveError(f"The archive is damaged: {name} cannot be read") from error


@contextmanager
def _translate_bad_offset() -> Iterator[None]:
    """Translate the OSError of zipfile for an offset before the start of the file to BadZipFile."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise zipfile.BadZipFile("An offset is before the start of the file") from error
        raise


def _infos_by_name(infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename[:100]
        if info.filename in found:
            raise ArchiveError(f"The archive is damaged: it holds {name!r} twice")
        if info.flag_bits & ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(
                f"The archive holds {name!r}, which is encrypted or compressed in a way that Tower does not read"
            )
        if info.file_size > MAX_COMPRESSION_RATIO * max(info.compress_size, 1):
            raise ArchiveError(f"The archive is damaged: {name!r} would unpack to {info.file_size} bytes")
        found[info.filename] = info
    return found


def _check_content(member: Member, size: int, sha256: str) -> None:
    if (size, sha256) != (member.bytes, member.sha256):
        raise ArchiveError(f"The archive is damaged: {member.name} does not match its manifest")
