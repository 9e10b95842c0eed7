"""A picture is looked at before it is decoded."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from tests.small_media import write_picture, write_video
from tower.media.pictures import MAX_PIXELS, decode_picture, is_picture


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size, without its pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.without"])
def test_a_picture_is_read(tmp_path: Path, name: str) -> None:
    picture = decode_picture(write_picture(tmp_path / name))
    assert picture is not None
    assert picture.shape[:2] == (16, 16)


@pytest.mark.parametrize(
    ("width", "height", "is_read"),
    [(10_000, 5_000, True), (10_001, 5_000, False), (30_000, 30_000, False), (60_000, 60_000, False), (7, 900, False)],
)
def test_the_size_decides_and_no_pixel_is_decoded(tmp_path: Path, width: int, height: int, is_read: bool) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_header(width, height))
    with path.open("rb") as file:
        assert is_picture(file) is is_read
    assert (width * height <= MAX_PIXELS) or not is_read
    assert is_read or decode_picture(path) is None


def test_other_files_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("a text")
    (tmp_path / "empty.png").touch()
    write_video(tmp_path / "video.png")
    assert [decode_picture(path) for path in sorted(tmp_path.iterdir())] == [None, None, None]
    assert decode_picture(tmp_path) is None
    assert decode_picture(tmp_path / "missing.png") is None
