"""One bad value does not refuse a Library.xml; it is named."""

from __future__ import annotations

import io

import pytest

from tower.library.itunes import Library, LibraryTrack, read_library
from tower.library.locations import UnusableEntryError


def library_xml(values: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> str:
    track = f"<key>1</key><dict><key>Track ID</key><integer>1</integer>{values}</dict>"
    return f'{head}<plist version="1.0"><dict><key>Tracks</key><dict>{track}</dict></dict></plist>'


def read_text(text: str, encoding: str = "utf-8") -> Library:
    return read_library(io.BytesIO(text.encode(encoding)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<key>Date Added</key><date>2020-01-01T00:00:00Z</date>", []),
        ("<key>Date Added</key><date>2020-01-01T00:00:00</date>", []),
        ("<key>Date Added</key><date>2020-01-01T00:00:00.123Z</date>", []),
        (
            "<key>Date Added</key><date>0000-01-01T00:00:00Z</date>",
            ["its Date Added is not a date: 0000-01-01T00:00:00Z"],
        ),
        ("<key>Play Date UTC</key><date/>", ["its Play Date UTC is not a date: "]),
        ("<key>Year</key><integer>MCMXC</integer>", ["its Year is not a number: MCMXC"]),
        ("<key>BPM</key><integer>0</integer>", []),
        ("<key>BPM</key><real>127.5</real>", []),
        ("<key>BPM</key><integer>7000</integer>", ["its BPM is not a tempo from 20 to 400: 7000"]),
        ("<key>Size</key><integer>" + "9" * 5000 + "</integer>", []),
        ("<key>Album</key><string>a\x01b</string>", ["its Album holds characters that cannot be read"]),
        ("<key>Album</key><string>a&#1;b&#x1F;</string>", ["its Album holds characters that cannot be read"]),
        ("<key>Artwork</key><data>!!</data>", []),
    ],
)
def test_an_unusable_value_is_named(value: str, expected: list[str]) -> None:
    (track,) = read_text(library_xml(f"<key>Name</key><string>Idol</string>{value}")).tracks
    assert (track.number, track.label) == ("1", "Idol")
    assert list(track.unusable_values()) == expected


def test_bytes_that_the_encoding_does_not_know_are_replaced() -> None:
    xml = library_xml("<key>Name</key><string>J@ga</string>").encode().replace(b"@", b"\xf3")
    (track,) = read_library(io.BytesIO(xml)).tracks
    assert track.label == "J�ga"


@pytest.mark.parametrize("encoding", ["UTF-16", "Shift_JIS", "EUC-JP"])
def test_the_declared_encoding_is_used(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n'
    (track,) = read_text(library_xml("<key>Name</key><string>夜</string>", head=head), encoding).tracks
    assert track.label == "夜"


def test_values_at_the_ends_of_chunks_are_read() -> None:
    values = "<key>Date Added</key><date>2020-01-01T00:00:00Z</date><key>Name</key><string>夜 &amp; Tag&#1;</string>"
    xml = library_xml(values).encode()
    for chunk_bytes in range(64, 160):
        (track,) = read_library(io.BytesIO(xml), chunk_bytes=chunk_bytes).tracks
        assert (track.number, track.label) == ("1", "夜 & Tag�")
        assert len(list(track.unusable_values())) == 1


def test_a_library_that_ends_early_is_refused_in_our_own_words() -> None:
    with pytest.raises(UnusableEntryError, match="its XML breaks in line 2"):
        read_text(library_xml("")[:-20])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Track Type": "Remote"}, "only in the cloud"),
        ({"Track Type": "URL", "Location": "http://radio.example/"}, "it is a stream"),
        ({"Track Type": "Remote", "Location": "https://radio.example/"}, "it is a stream"),
        ({"Protected": True, "Location": "file:///a.m4p"}, "protected"),
    ],
)
def test_a_track_without_a_file_says_why(values: dict[str, object], reason: str) -> None:
    with pytest.raises(UnusableEntryError, match=reason):
        LibraryTrack(values).location()


def test_a_remote_track_with_a_file_is_a_file() -> None:
    assert LibraryTrack({"Track Type": "Remote", "Location": "file:///a.mp3"}).location() == "file:///a.mp3"
