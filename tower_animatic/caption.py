"""Text on the picture: the caption in the lower third, and the slate "ANIMATIC". Drawn once per shot."""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np

from tower_animatic.grade import letterbox_rows
from tower_animatic.letters import drawable_text
from tower_animatic.paint import Pixels, polygon, soften
from tower_animatic.stage import Stage

_MAX_LINES = 3
_SLATE = "ANIMATIC"
_LINE = 1.42
"""Line height, in font sizes."""


class TextOverlay:
    """Text that is rasterised once and drawn on each picture (BGR) at a fixed position."""

    def __init__(self, stage: Stage, image: Pixels, *, left: int, top: int) -> None:
        image = image[: stage.height - top]
        self._image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
        self._keep = cv2.cvtColor(cv2.bitwise_not(image[..., 3]), cv2.COLOR_GRAY2BGR)
        self._box = np.s_[top : top + image.shape[0], left : left + image.shape[1]]

    def draw(self, picture: Pixels) -> None:
        box = picture[self._box]
        box[:] = cv2.add(cv2.multiply(box, self._keep, scale=1 / 255), self._image)


def make_overlays(stage: Stage, caption: str, label: str = "") -> list[TextOverlay]:
    """The slate with a label, and the caption if there is one."""
    text = drawable_text(caption)
    return [_slate(stage, label), *([_caption(stage, text)] if text else [])]


def wrap_text(text: str, face: cv2.FontFace, size: int, width: int) -> list[str]:
    """Lines of at most `width` pixels. Japanese text breaks between any characters, other text between words."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and _width(line + piece.rstrip(), face, size) > width:
            lines.append(line.strip())
            line = ""
        line += piece
    lines.append(line.strip())
    if len(lines) > _MAX_LINES:
        lines = [*lines[: _MAX_LINES - 1], _shortened(lines[_MAX_LINES - 1], face, size, width)]
    return lines


def _caption(stage: Stage, text: str) -> TextOverlay:
    face = cv2.FontFace("sans")
    size = max(13, round(0.040 * stage.unit))
    lines = wrap_text(text, face, size, round(0.84 * stage.width))
    step = round(_LINE * size)
    pad = round(2.0 * size)
    height = step * len(lines) + 2 * pad
    image = np.zeros((height, stage.width, 4), np.uint8)
    image[..., 3] = _plate(height, stage.width, max(_width(line, face, size) for line in lines), size)
    shadow, letters = np.zeros((height, stage.width), np.uint8), np.zeros((height, stage.width), np.uint8)
    for i, line in enumerate(lines):
        at = ((stage.width - _width(line, face, size)) // 2, pad + step * i + round(1.02 * size))
        for sheet, offset, weight in ((shadow, max(1, size // 16), 700), (letters, 0, 560)):
            cv2.putText(sheet, line, (at[0], at[1] + offset), (255,), face, size, weight)
    image[..., 3] = np.maximum(
        image[..., 3], np.minimum(255, soften(shadow, 0.10 * size).astype(np.uint16) * 2).astype(np.uint8) // 4 * 3
    )
    image = np.maximum(image, cv2.merge([letters] * 4))
    top = stage.height - letterbox_rows(stage) - height + round(0.6 * size) - round(0.02 * stage.height)
    return TextOverlay(stage, image, left=0, top=top)


def _plate(height: int, width: int, text_width: int, size: int) -> Pixels:
    """A soft dark background behind the letters."""
    plate = np.zeros((height, width), np.float32)
    x0, x1 = (width - text_width) / 2 - 0.8 * size, (width + text_width) / 2 + 0.8 * size
    polygon(
        plate, [(x0, 1.55 * size), (x1, 1.55 * size), (x1, height - 1.55 * size), (x0, height - 1.55 * size)], (140.0,)
    )
    return np.clip(soften(plate, 0.5 * size), 0, 140).astype(np.uint8)


def _slate(stage: Stage, label: str) -> TextOverlay:
    """A small tag in the upper corner. The label follows the name where it fits."""
    face = cv2.FontFace("sans")
    size = max(9, round(0.019 * stage.unit))
    text = " ".join(_SLATE) + (f"   {label}" if label else "")
    while len(text) > 2 * len(_SLATE) and _width(text, face, size) > 0.88 * stage.width:
        text = text[:-2].rstrip() + "…"
    width, height = _width(text, face, size) + round(1.6 * size), round(1.9 * size)
    image = np.zeros((height, width, 4), np.uint8)
    image[..., 3] = 96
    letters = np.zeros((height, width), np.uint8)
    cv2.putText(letters, text, (round(0.8 * size), round(1.32 * size)), (215,), face, size, 600)
    image = np.maximum(image, cv2.merge([letters] * 4))
    margin = round(0.028 * stage.unit)
    return TextOverlay(stage, image, left=margin, top=letterbox_rows(stage) + margin)


def _pieces(text: str) -> list[str]:
    """Unbreakable pieces: words with the space after them, single wide characters, parts of very long words."""
    pieces, word = [], ""
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        if wide and word:
            pieces.append(word)
            word = ""
        word += letter
        if wide or letter == " " or len(word) >= 24:
            pieces.append(word)
            word = ""
    return [*pieces, word] if word else pieces


def _shortened(line: str, face: cv2.FontFace, size: int, width: int) -> str:
    while line and _width(line + "…", face, size) > width:
        line = line[:-1]
    return line.rstrip() + "…"


def _width(text: str, face: cv2.FontFace, size: int) -> int:
    if not text.strip():
        return 0
    _, _, width, _ = cv2.getTextSize((4096, 4096), text, (0, 0), face, size, 560)
    return int(width)
