"""Reads the APEv2 tag at the end of an mp3, which neither FFmpeg nor tinytag reads."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

FOOTER_BYTES, ID3V1_BYTES = 32, 128
PREAMBLE = b"APETAGEX"
MAX_TAG_BYTES = 16 << 20  # with a cover
MAX_ITEMS = 1000
KIND_BITS, TEXT_KIND = 0b110, 0  # of an item's flags


def read_ape_tags(file: IO[bytes], size_bytes: int) -> dict[str, list[str]]:
    """The texts by name in lower case; empty without a tag, or if it is damaged. A name may have several values."""
    for end in (size_bytes, size_bytes - ID3V1_BYTES):
        if end < FOOTER_BYTES:
            continue
        file.seek(end - FOOTER_BYTES)
        preamble, _version, tag_bytes, items, _flags = struct.unpack("<8sIIII8x", file.read(FOOTER_BYTES))
        if preamble == PREAMBLE and FOOTER_BYTES <= tag_bytes <= min(end, MAX_TAG_BYTES):
            file.seek(end - tag_bytes)
            return dict(_items(file.read(tag_bytes - FOOTER_BYTES), min(items, MAX_ITEMS)))
    return {}


def _items(content: bytes, count: int) -> Iterator[tuple[str, list[str]]]:
    offset = 0
    for _ in range(count):
        name_end = content.find(b"\0", offset + 8)
        if name_end < 0:
            return
        value_bytes, flags = struct.unpack_from("<II", content, offset)
        name = content[offset + 8 : name_end].decode("ascii", "replace").casefold()
        offset = name_end + 1 + value_bytes
        if offset > len(content):
            return
        if flags & KIND_BITS == TEXT_KIND:
            yield name, content[name_end + 1 : offset].decode("utf-8", "replace").split("\0")
