"""Playlists are read as players write them."""

from __future__ import annotations

import codecs

import pytest

from tower.library.locations import UnusableEntryError
from tower.library.m3u import read_entries

TEXT = "#EXTM3U\r\n#EXTINF:12,X - 夜\r\n\r\n夜/駆.mp3\r#1 Hit.mp3\n# a comment\n  \n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    ],
)
def test_utf8_and_utf16_are_recognised(content: bytes) -> None:
    entries = read_entries(content)
    assert [entry.texts for entry in entries] == [("夜/駆.mp3",), ("#1 Hit.mp3",), ("# a comment",)]
    assert [entry.may_be_comment for entry in entries] == [False, True, True]


def test_each_line_has_its_own_encoding() -> None:
    first, second = read_entries("夜.mp3\n".encode("cp932") + "夜.mp3\n".encode())
    assert "夜.mp3" in first.texts
    assert second.texts == ("夜.mp3",)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"#EXTM3U\n", b"#EXTM3U\n# nothing\n", codecs.BOM_UTF8])
def test_a_list_without_entries_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableEntryError, match="at least one file"):
        read_entries(content)


def test_a_stream_is_no_list_of_files() -> None:
    with pytest.raises(UnusableEntryError, match="HLS stream"):
        read_entries(b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\npart1.ts\n")
