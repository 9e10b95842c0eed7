"""Reads the entries of an m3u or m3u8 playlist, in whatever encoding a player has written it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tower.library.locations import UnusableEntryError, decode_text

STREAM_TAGS = (b"#EXT-X-TARGETDURATION", b"#EXT-X-STREAM-INF", b"#EXT-X-MEDIA-SEQUENCE", b"#EXT-X-VERSION")


@dataclass(frozen=True)
class ListedFile:
    """An entry: the texts that its bytes can be. One that begins with # may be a comment or the name of a file."""

    texts: tuple[str, ...]

    @property
    def may_be_comment(self) -> bool:
        return self.texts[0].lstrip().startswith("#")


def read_entries(content: bytes) -> list[ListedFile]:
    """The entries in order. Raises UnusableEntryError for a list without entries and for an HLS stream."""
    text = _utf16_as_utf8(content).removeprefix(codecs.BOM_UTF8)
    if any(tag in text for tag in STREAM_TAGS):
        raise UnusableEntryError("a list of music files, not an HLS stream")
    entries = list(_entries(text))
    if all(entry.may_be_comment for entry in entries):
        raise UnusableEntryError("a list that names at least one file")
    return entries


def _entries(content: bytes) -> Iterator[ListedFile]:
    for line in re.split(rb"[\r\n]+", content):
        if line.strip() and not line.lstrip().upper().startswith(b"#EXT"):
            yield ListedFile(decode_text(line))


def _utf16_as_utf8(content: bytes) -> bytes:
    """UTF-16 without a mark is recognised by the NULs of its ASCII letters. Other content stays as it is."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode()
    if b"\0" not in content:
        return content
    big_endian = content[::2].count(0) > content[1::2].count(0)
    return content.decode("utf-16-be" if big_endian else "utf-16-le", "replace").encode("utf-8", "replace")
