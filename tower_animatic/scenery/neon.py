"""Neon signboards with lettering, and the light that they cast."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.paint import Colour, brighten, mix_colours, opaque, polygon
from tower_animatic.stage import Canvas

_WORDS = (
    "居酒屋",
    "ラーメン",
    "喫茶",
    "東京",
    "夜市",
    "酒場",
    "ホテル",
    "カラオケ",
    "薬局",
    "本屋",
    "電気街",
    "夢",
    "すし",
    "珈琲",
)


def paint_signboard(
    sheets: tuple[Canvas, Canvas],
    place: tuple[float, float],
    side: int,
    *,
    low: float,
    neon: Colour,
    rng: np.random.Generator,
) -> float:
    """Draw a vertical sign on a wall on the given side, if there is room above `low`. `sheets`: picture and light.

    Returns the y of its lower end, as a share of the frame's height.
    """
    picture, light = sheets
    glyph = 0.052 * (0.25 + picture.depth)
    tall = picture.stage.unit / picture.stage.height
    words = [word for word in _WORDS if place[1] + _height(word, glyph) * tall < low]
    if not words:
        return low
    word = words[int(rng.integers(len(words)))]
    width, height = glyph * 1.35, _height(word, glyph)
    x0 = 0.0 if side < 0 else -width
    box = [(x0, 0.0), (x0 + width, 0.0), (x0 + width, height), (x0, height)]
    frame = picture.shape(*place, box)
    polygon(picture.image, frame, opaque(neon))
    inset = np.array([(0.06, 0.06), (-0.06, 0.06), (-0.06, -0.06), (0.06, -0.06)]) * glyph
    polygon(
        picture.image,
        picture.shape(*place, np.asarray(box) + inset),
        opaque(mix_colours(picture.stage.palette.ink, neon, 0.10)),
    )
    _lettering(picture, place, word, (x0 + width / 2, glyph), mix_colours(neon, (255, 255, 255), 0.45))
    polygon(light.image, light.shape(*place, box), brighten(neon, 0.42))
    return place[1] + height * tall


def _height(word: str, glyph: float) -> float:
    return glyph * (1.12 * len(word) + 0.3)


def _lettering(
    canvas: Canvas, place: tuple[float, float], word: str, layout: tuple[float, float], paint: Colour
) -> None:
    """Draw letters below each other. `layout`: the middle of the column and the size of a letter, in units."""
    middle, glyph = layout
    size = round(glyph * canvas.unit * 0.82)
    if size < 5:
        return
    face = cv2.FontFace("uni")
    for i, letter in enumerate(word):
        (x, y) = canvas.shape(*place, [(middle - glyph * 0.42, glyph * (0.98 + 1.12 * i))])[0]
        upright = "｜" if letter == "ー" else letter
        cv2.putText(canvas.image, upright, (round(x), round(y)), opaque(paint), face, size, 600)
