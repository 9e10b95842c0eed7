"""Pictures that come from outside: looked at by their content, never by their name, and before they are decoded.

A small file can hold a very large picture.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from cv2.typing import MatLike
from PIL import Image

from tower.media.decode import MediaUnreadableError

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000  # 200 MB as decoded BGRA
MIN_SIDE_PX = 8
EXPECTED_PICTURE = (
    f"a PNG, JPEG or WebP picture with sides of at least {MIN_SIDE_PX} pixels, at most {MAX_PIXELS // 10**6} million"
    f" pixels, and at most {MAX_BYTES // 2**20} MiB"
)
NO_PICTURE_ERRORS = (Image.DecompressionBombError, OSError, ValueError, SyntaxError)
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower


@dataclass(frozen=True)
class PictureFacts:
    """`suffix` is that of the content. Width and height are in pixels."""

    suffix: str
    width: int
    height: int


def read_picture(file: IO[bytes], name: str) -> PictureFacts | None:
    """Decode a PNG, JPEG or WebP; None for anything else.

    The size in its head is checked before a pixel is decoded. Raises MediaUnreadableError for a picture with too many
    pixels, or one that is damaged.
    """
    file.seek(0)
    try:
        picture = Image.open(file, formats=tuple(SUFFIXES))
    except NO_PICTURE_ERRORS:
        return None
    with picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise MediaUnreadableError(f"{name} has {width}×{height} pixels: at most {MAX_PIXELS} are accepted")
        try:
            picture.load()
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise MediaUnreadableError(f"{name} is a damaged or incomplete picture") from error
        return PictureFacts(SUFFIXES[str(picture.format)], width, height)


def is_picture(file: IO[bytes]) -> bool:
    """Whether the open file begins as a picture that `decode_picture` would decode."""
    if not 0 < file.seek(0, 2) <= MAX_BYTES:
        return False
    file.seek(0)
    try:
        with Image.open(file, formats=tuple(SUFFIXES)) as picture:
            width, height = map(int, picture.size)
    except NO_PICTURE_ERRORS:
        return False
    return min(width, height) >= MIN_SIDE_PX and width * height <= MAX_PIXELS


def decode_picture(path: Path) -> MatLike | None:
    """Decode a picture as OpenCV does, with its transparency. None if it is none, or too large."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if not is_picture(file):
                return None
            file.seek(0)
            data = np.frombuffer(file.read(MAX_BYTES), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error):
        return None
