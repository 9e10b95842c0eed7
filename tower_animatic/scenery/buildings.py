"""Facades with lit windows, roofs and shop fronts, drawn on a canvas in pixels."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.paint import Colour, brighten, disc, mix_colours, opaque, parse_colour, polygon, stroke
from tower_animatic.setting_parts import Hour
from tower_animatic.stage import Canvas

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the canvas."""

_WINDOWS = tuple(parse_colour(code) for code in ("ffd08a", "ffe3b0", "ffb868", "9fe8ff", "d7c4ff", "ff9fc0"))


def paint_facade(
    canvas: Canvas, box: Box, wall: Colour, rng: np.random.Generator, *, lights: float, cell: float
) -> None:
    """A wall with a grid of windows. `lights`: the share that is lit. `cell`: the width of a window's bay in units."""
    left, top, right, bottom = (round(v) for v in box)
    polygon(canvas.image, [(left, top), (right, top), (right, bottom), (left, bottom)], opaque(wall))
    bay = max(3, round(cell * canvas.unit))
    storey = max(3, round(bay * rng.uniform(1.1, 1.5)))
    columns, rows = (right - left) // bay, (bottom - top) // storey
    if columns < 1 or rows < 2:
        return
    panes = _panes(canvas, wall, rng, (rows, columns), lights)
    grid = cv2.resize(panes, (columns * bay, rows * storey), interpolation=cv2.INTER_NEAREST)
    glass = np.zeros((storey, bay), bool)
    glass[
        round(0.26 * storey) : max(round(0.26 * storey) + 1, round(0.78 * storey)),
        round(0.2 * bay) : max(round(0.2 * bay) + 1, round(0.85 * bay)),
    ] = True
    mask = np.tile(glass, (rows, columns))
    x, y = left + (right - left - columns * bay) // 2, top + storey // 2
    _stencil(canvas, grid, mask, (x, y))


def paint_roof_clutter(canvas: Canvas, box: Box, wall: Colour, rng: np.random.Generator) -> None:
    """Water tanks, stair heads, aerials and their red lamps."""
    left, top, right, _ = box
    width, unit = right - left, canvas.unit * (0.4 + 0.6 * canvas.depth)
    for _ in range(2):
        x, w, h = left + width * rng.uniform(0.05, 0.8), width * rng.uniform(0.08, 0.3), unit * rng.uniform(0.01, 0.03)
        polygon(canvas.image, [(x, top - h), (x + w, top - h), (x + w, top + 1), (x, top + 1)], opaque(wall))
    if rng.random() < 0.6:
        x, h = left + width * rng.uniform(0.15, 0.85), unit * rng.uniform(0.05, 0.12)
        stroke(canvas.image, [(x, top), (x, top - h)], opaque(wall), round(0.0025 * unit))
        stroke(canvas.image, [(x - 0.008 * unit, top - 0.6 * h), (x + 0.008 * unit, top - 0.6 * h)], opaque(wall))
        if canvas.stage.setting.hour is Hour.NIGHT:
            disc(canvas.image, (x, top - h), max(1.0, 0.004 * unit), opaque(parse_colour("ff4a55")))


def paint_shop_front(canvas: Canvas, box: Box, rng: np.random.Generator) -> None:
    """A bright ground floor with awnings and paper lanterns."""
    left, _, right, bottom = box
    height = 0.085 * canvas.unit * (0.35 + canvas.depth)
    warm = parse_colour("ffc27a") if canvas.stage.setting.hour is not Hour.DAY else parse_colour("8a7a70")
    x = left
    while x < right:
        w = height * rng.uniform(1.0, 2.0)
        glass = mix_colours(canvas.stage.palette.shade_surface(warm, canvas.depth), warm, 0.65)
        polygon(
            canvas.image,
            _quad(x + 0.05 * w, bottom - 0.78 * height, x + 0.95 * w, bottom),
            opaque(brighten(glass, rng.uniform(0.55, 1.0))),
        )
        shade = mix_colours(
            canvas.stage.palette.ink, parse_colour("b3365c") if rng.random() < 0.5 else parse_colour("2e6f8f"), 0.55
        )
        polygon(canvas.image, _quad(x, bottom - height, x + w, bottom - 0.70 * height), opaque(shade))
        for k in range(3):
            disc(
                canvas.image,
                (x + w * (0.2 + 0.3 * k), bottom - 0.58 * height),
                0.075 * height,
                opaque(parse_colour("ff5b4a")),
            )
        x += w * 1.06


def _panes(canvas: Canvas, wall: Colour, rng: np.random.Generator, size: tuple[int, int], lights: float) -> np.ndarray:
    """The colour of each window: dark glass, or lit in one of a few colours. Lit ones form runs along a storey."""
    hour = canvas.stage.setting.hour
    share = {Hour.NIGHT: lights, Hour.SUNSET: lights * 0.8, Hour.DAWN: lights * 0.4, Hour.DAY: 0.0}[hour]
    dark = mix_colours(wall, canvas.stage.palette.sky[2][1] if hour is Hour.DAY else canvas.stage.palette.ink, 0.42)
    runs = cv2.resize(
        rng.random((size[0], max(1, size[1] // 3)), dtype=np.float32), size[::-1], interpolation=cv2.INTER_NEAREST
    )
    on = (0.55 * runs + 0.45 * rng.random(size, dtype=np.float32)) > 1 - share * 1.15
    chosen = np.asarray(_WINDOWS, np.float32)[rng.choice(len(_WINDOWS), size, p=(0.34, 0.26, 0.16, 0.14, 0.06, 0.04))]
    gain = rng.uniform(0.45, 1.0, size)[..., None] * min(1.0, 0.45 + canvas.depth)
    wall_ = np.asarray(wall, np.float32)
    return np.where(on[..., None], wall_ + (chosen - wall_) * gain, np.asarray(dark, np.float32)).astype(np.uint8)


def _stencil(canvas: Canvas, grid: np.ndarray, mask: np.ndarray, at: tuple[int, int]) -> None:
    """Copy the grid through the mask, clipped to the canvas."""
    x, y = at
    height, width = canvas.image.shape[:2]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + grid.shape[1]), min(height, y + grid.shape[0])
    if x0 < x1 and y0 < y1:
        part = np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
        target = canvas.image[y0:y1, x0:x1, :3]
        target[mask[part]] = grid[part][mask[part]]


def _quad(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
