"""Draws text with the letters that OpenCV brings, equal on any machine: Latin, Greek, Cyrillic, Chinese, Japanese."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.uint8]

FACE = "sans"
WEIGHT = 500
LINE_HEIGHT = 1.42  # font sizes
MIN_SIZE_PX = 6


@dataclass(frozen=True)
class TextBlock:
    """Rasterised lines, centred: how much each pixel is letter, and how much outline, from 0 to 255."""

    letters: Mask
    outline: Mask


def draw_block(lines: Sequence[str], *, size_px: int, width_px: int) -> TextBlock:
    """Lines longer than the width are broken, between words and between Japanese characters."""
    broken = [piece for line in lines for piece in wrap_line(line, size_px=size_px, width_px=width_px)]
    step, margin = round(LINE_HEIGHT * size_px), max(2, size_px // 4)
    letters = np.zeros((step * len(broken) + 2 * margin, width_px), np.uint8)
    for number, line in enumerate(broken):
        left = max(0, (width_px - _measure(line, size_px)) // 2)
        at = (left, margin + step * number + round(1.02 * size_px))
        cv2.putText(letters, line, at, (255,), cv2.FontFace(FACE), size_px, WEIGHT)
    reach = max(1, size_px // 12)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return TextBlock(letters, np.asarray(cv2.dilate(letters, brush), np.uint8))


def fit_size(lines: Sequence[str], *, size_px: int, width_px: int, height_px: int) -> int:
    """The largest size up to `size_px` at which the lines are as high as `height_px` or less."""
    for size in range(size_px, MIN_SIZE_PX, -1):
        broken = sum(len(wrap_line(line, size_px=size, width_px=width_px)) for line in lines)
        if broken * round(LINE_HEIGHT * size) + size // 2 <= height_px:
            return size
    return MIN_SIZE_PX


def wrap_line(text: str, *, size_px: int, width_px: int) -> list[str]:
    lines, line = [], ""
    for piece in _pieces(text):
        if line and _measure((line + piece).rstrip(), size_px) > width_px:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterable[str]:
    """Words with the space after them, single wide characters, and the parts of very long words."""
    word = ""
    for letter in unicodedata.normalize("NFC", text):
        if unicodedata.east_asian_width(letter) in "WF":
            yield from (word,) if word else ()
            yield letter
            word = ""
            continue
        word += letter
        if letter.isspace() or len(word) >= 24:
            yield word
            word = ""
    if word:
        yield word


def _measure(text: str, size_px: int) -> int:
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace(FACE), size_px, WEIGHT)
    return int(width)
