"""The red gate of a shrine, with its rope and paper streamers."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Layer
from tower_animatic.paint import Colour, mix_colours, opaque, outline, parse_colour, polygon, translate
from tower_animatic.stage import Canvas, Stage


def paint_torii(stage: Stage, x: float) -> Layer:
    """The gate, its middle at x."""
    canvas = Canvas(stage, depth=0.62)
    palette = stage.palette
    red, shade = (
        palette.shade_surface(parse_colour("d8402c"), 1.0, sunny=0.45),
        palette.shade_surface(parse_colour("9c2526"), 1.0),
    )
    black = mix_colours(palette.ink, palette.shade, 0.2)
    place = (x, 0.745)
    for side in (-1, 1):
        pillar = np.array([(0.185, 0.0), (0.172, -0.40), (0.200, -0.40), (0.217, 0.0)]) * (side, 1)
        polygon(canvas.image, canvas.shape(*place, pillar), opaque(red))
        dark = np.array([(0.203, 0.0), (0.187, -0.40), (0.200, -0.40), (0.217, 0.0)]) * (side, 1)
        polygon(canvas.image, canvas.shape(*place, dark), opaque(shade))
        polygon(
            canvas.image,
            canvas.shape(
                *place, np.array([(0.178, 0.004), (0.180, -0.035), (0.219, -0.035), (0.224, 0.004)]) * (side, 1)
            ),
            opaque(black),
        )
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.245, -0.325), (0.245, -0.325), (0.245, -0.292), (-0.245, -0.292)]),
        opaque(red),
    )
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.245, -0.302), (0.245, -0.302), (0.245, -0.292), (-0.245, -0.292)]),
        opaque(shade),
    )
    _lintel(canvas, place, (0.29, -0.398, 0.030), red)
    _lintel(canvas, place, (0.30, -0.428, 0.030), black)
    _lintel(canvas, place, (0.30, -0.434, 0.006), mix_colours(black, palette.glow, 0.5))
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.026, -0.40), (0.026, -0.40), (0.026, -0.318), (-0.026, -0.318)]),
        opaque(black),
    )
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.019, -0.393), (0.019, -0.393), (0.019, -0.325), (-0.019, -0.325)]),
        opaque(mix_colours(palette.shade_surface(parse_colour("c9a24a"), 1.0, sunny=0.6), red, 0.1)),
    )
    _rope(canvas, place)
    return Layer(canvas)


def _lintel(canvas: Canvas, place: tuple[float, float], size: tuple[float, float, float], paint: Colour) -> None:
    """A beam that curves up at its ends. `size`: half length, height of the lower edge, thickness."""
    half, low, thick = size
    t = np.linspace(-1, 1, 30)
    upper = np.stack([t * half * 1.03, low - thick - 0.030 * np.abs(t) ** 3], 1)
    lower = np.stack([t * half, low - 0.026 * np.abs(t) ** 3], 1)
    polygon(canvas.image, canvas.shape(*place, np.vstack([upper, lower[::-1]])), opaque(paint))


def _rope(canvas: Canvas, place: tuple[float, float]) -> None:
    """The straw rope with its paper streamers."""
    palette = canvas.stage.palette
    straw, paper = (
        palette.shade_surface(parse_colour("d9c58c"), 1.0, sunny=0.5),
        palette.shade_surface((250, 252, 255), 1.0, sunny=0.8),
    )
    t = np.linspace(-1, 1, 24)
    middle = np.stack([t * 0.175, -0.285 + 0.030 * (1 - t * t)], 1)
    thick = (0.004 + 0.006 * (1 - t * t))[:, None] * np.array([[0.0, 1.0]])
    polygon(canvas.image, canvas.shape(*place, np.vstack([middle - thick, (middle + thick)[::-1]])), opaque(straw))
    for x in (-0.10, 0.0, 0.10):
        y = -0.285 + 0.03 * (1 - (x / 0.175) ** 2)
        zigzag = outline(
            """0,0 0.01,0 0.01,0.016 0.02,0.016 0.012,0.032 0.022,0.032 0.01,0.052 0.002,0.034 0.009,0.034
-0.002,0.018 0.003,0.018"""
        )
        polygon(canvas.image, canvas.shape(*place, translate(zigzag, x - 0.005, y)), opaque(paper))
