"""Pictures that come from outside: looked at by their content, never by their name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from PIL import Image, UnidentifiedImageError

from tower.media.decode import MAX_PIXELS, MediaUnreadableError

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}


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
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
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
