"""Make a contact sheet of a video: frames at equal distances, each with its time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from tower.errors import InvalidError
from tower.errors.foreign import reason_of

Pixels = npt.NDArray[np.uint8]

_GAP = 6  # pixels
_BACKGROUND = (24, 20, 18)  # BGR


def write_contact_sheet(video: Path, target: Path, *, columns: int = 4, rows: int = 3, width: int = 1280) -> None:
    """Write a sheet of columns × rows frames, `width` pixels wide. The suffix of `target` is .png or .jpg.

    Raises InvalidError if no frame can be decoded.
    """
    cell = (width - _GAP * (columns + 1)) // columns
    pictures = _thumbnails(video, columns * rows, cell)
    height = pictures[0].shape[0]
    sheet = np.empty((rows * (height + _GAP) + _GAP, width, 3), np.uint8)
    sheet[:] = _BACKGROUND
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        y, x = _GAP + row * (height + _GAP), _GAP + column * (cell + _GAP)
        sheet[y : y + height, x : x + cell] = picture
    _write(sheet, target)


def _thumbnails(video: Path, count: int, width: int) -> list[Pixels]:
    """Return `count` frames at equal distances, including the first and, if there are several, the last."""
    try:
        with av.open(str(video)) as container:
            stream = container.streams.video[0]
            total = stream.frames or sum(1 for _ in container.decode(stream))
            container.seek(0)
            wanted = np.rint(np.linspace(0, total - 1, count)).astype(int).tolist()
            found: dict[int, Pixels] = {}
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    found[number] = _thumbnail(frame, width)
    except (av.FFmpegError, IndexError, OSError) as error:
        raise InvalidError(f"No frames can be read from {video}: {reason_of(error)}") from error
    if not found:
        raise InvalidError(f"No frames can be read from {video}: it has none")
    last = max(found)
    return [found[min(number, last)] for number in wanted]


def _thumbnail(frame: Any, width: int) -> Pixels:
    image = frame.to_ndarray(format="bgr24")
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    _stamp(small, _timecode(float(frame.time or 0.0)))
    return np.asarray(small, np.uint8)


def _timecode(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{seconds % 60:05.2f}"


def _stamp(image: Any, text: str) -> None:
    """Draw the time into the lower right corner, on a dark plate."""
    size = max(9, image.shape[1] // 34)
    face = cv2.FontFace("sans")
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), face, size, 500)
    x, y = image.shape[1] - width - size, image.shape[0] - size // 2 - 2
    plate = image[y - round(1.1 * size) : y + size // 2, x - size // 2 :]
    plate[:] = (plate * 0.45).astype(np.uint8)
    cv2.putText(image, text, (x, y), (240, 240, 240), face, size, 500)


def _write(sheet: Pixels, target: Path) -> None:
    encoded, data = cv2.imencode(target.suffix, sheet)
    if not encoded:
        raise InvalidError(f"A contact sheet cannot be written as {target.suffix!r}: use .png or .jpg")
    temporary = target.with_name(f".{target.name}.part")
    with temporary.open("wb") as file:
        file.write(data.tobytes())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)
