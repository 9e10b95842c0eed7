"""Bare ground: dunes, stones and craters, drawn in the light of a side."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Layer
from tower_animatic.paint import Colour, curve, mix_colours, opaque, outline, polygon, stroke, translate
from tower_animatic.scenery.plants import paint_hill
from tower_animatic.stage import Canvas, Stage

_STONE = outline("-1,0.1 -0.86,-0.5 -0.4,-0.86 0.1,-0.95 0.62,-0.66 0.95,-0.2 1,0.12 0,0.25")
_FACE = outline("0.1,-0.95 0.62,-0.66 0.95,-0.2 1,0.12 0.3,0.2 0.42,-0.3")


def paint_dunes(
    stage: Stage, label: str, *, depth: float, crest: float, sand: Colour, side: int, count: int = 4, rise: float = 0.1
) -> Layer:
    """A row of dunes whose faces towards `side` (-1 or 1) are lit; `crest` in shares of the frame, `rise` in units."""
    rng = stage.rng(f"dunes {label}")
    canvas = Canvas(stage, depth)
    palette = stage.palette
    lit = palette.shade_surface(sand, depth, sunny=0.9)
    dark = palette.shade_surface(mix_colours(sand, palette.shade, 0.35), depth, sunny=0.15)
    foot = crest + rise * stage.unit / stage.height
    level = np.stack([canvas.across(6), foot - 0.012 + 0.012 * rng.random(6)], 1)
    paint_hill(canvas, level, mix_colours(lit, dark, 0.35), mix_colours(dark, palette.ink, 0.25))
    for x in canvas.across(count) + rng.normal(0, 0.06, count):
        tall, wide = rise * rng.uniform(0.5, 1.0), rise * rng.uniform(3.6, 5.5)
        ridge = curve(_ridge(rng, tall, wide, side), 8)
        back = np.vstack([ridge, [(-side * 0.9 * wide, 0.03)]])
        slope = curve([(0, -tall), (side * 0.25 * wide, -0.62 * tall), (side * wide, 0.03)], 8)
        polygon(canvas.image, canvas.shape(x, foot, back), opaque(dark))
        polygon(canvas.image, canvas.shape(x, foot, np.vstack([slope, ridge[::-1]])), opaque(lit))
    canvas.add_mist(crest - 0.02, foot + 0.10, 0.5 * (1 - depth))
    return Layer(canvas)


def paint_plain(stage: Stage, label: str, *, horizon: float, ground: Colour, depth: float = 0.9) -> Canvas:
    """Flat ground from the horizon to the viewer, with ripples that widen towards the lens."""
    rng = stage.rng(f"plain {label}")
    canvas = Canvas(stage, depth)
    palette = stage.palette
    far = mix_colours(palette.haze, palette.shade_surface(ground, 0.6, sunny=0.8), 0.6)
    near = palette.shade_surface(mix_colours(ground, palette.ink, 0.18), 1.0, sunny=0.35)
    xs = canvas.across(9)
    paint_hill(canvas, np.stack([xs, horizon + 0.006 * rng.normal(size=9)], 1), far, near)
    for share in rng.random(46) ** 1.6:
        y = horizon + 0.02 + share * (canvas.bottom - horizon)
        tone = mix_colours(far, near, share)
        paint = mix_colours(tone, palette.light if rng.random() < 0.5 else palette.ink, 0.16)
        start, length = rng.uniform(canvas.left, canvas.right), rng.uniform(0.1, 0.4)
        line = np.stack([start + np.linspace(0, length, 9), y + 0.004 * np.sin(np.linspace(0, 7, 9))], 1)
        stroke(canvas.image, canvas.points(line), opaque(paint), round(canvas.unit * (0.001 + 0.003 * share)))
    return canvas


def paint_stones(canvas: Canvas, label: str, *, top: float, rock: Colour, side: int, count: int) -> None:
    """Stones that lie on the ground from `top` down, larger ones nearer, lit from `side`."""
    rng = canvas.stage.rng(f"stones {label}")
    palette = canvas.stage.palette
    for share in np.sort(rng.random(count) ** 1.5):
        place = (float(rng.uniform(canvas.left, canvas.right)), top + 0.01 + float(share) * (canvas.bottom - top))
        size = rng.uniform(0.4, 1.0) * (0.006 + 0.05 * share)
        shape = _STONE * (size * rng.uniform(0.9, 1.6) * side, size * rng.uniform(0.7, 1.1))
        base = palette.shade_surface(rock, 0.45 + 0.5 * float(share), sunny=0.15)
        shadow = translate(_STONE * (size * 1.5, size * 0.16), -side * 0.7 * size, 0.12 * size)
        polygon(canvas.image, canvas.shape(*place, shadow), opaque(mix_colours(base, palette.ink, 0.6)))
        polygon(canvas.image, canvas.shape(*place, shape), opaque(mix_colours(base, palette.ink, 0.3)))
        face = _FACE * (shape[-3, 0] / _STONE[-3, 0], shape[3, 1] / _STONE[3, 1])
        lit = palette.shade_surface(rock, 0.45 + 0.5 * float(share), sunny=0.95)
        polygon(canvas.image, canvas.shape(*place, face), opaque(lit))


def paint_craters(canvas: Canvas, *, top: float, ground: Colour, side: int, count: int = 16) -> None:
    """Round craters on flat ground, seen at a low angle."""
    rng = canvas.stage.rng("craters")
    palette = canvas.stage.palette
    angle = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([np.cos(angle), 0.26 * np.sin(angle)], 1)
    for share in np.sort(rng.random(count) ** 1.3):
        place = (float(rng.uniform(canvas.left, canvas.right)), top + 0.02 + float(share) * (canvas.bottom - top))
        size = rng.uniform(0.5, 1.0) * (0.015 + 0.12 * share)
        tone = palette.shade_surface(ground, 0.5 + 0.5 * float(share), sunny=0.4)
        polygon(canvas.image, canvas.shape(*place, ring * size), opaque(mix_colours(tone, palette.light, 0.35)))
        hollow = translate(ring * (0.90 * size, 0.84 * size), side * 0.05 * size, 0.03 * size)
        polygon(canvas.image, canvas.shape(*place, hollow), opaque(mix_colours(tone, palette.ink, 0.5)))
        floor = translate(ring * (0.66 * size, 0.6 * size), -side * 0.16 * size, 0.06 * size)
        polygon(canvas.image, canvas.shape(*place, floor), opaque(mix_colours(tone, palette.ink, 0.18)))


def _ridge(rng: np.random.Generator, tall: float, wide: float, side: int) -> list[tuple[float, float]]:
    """The winding edge between the lit and the shaded face of a dune, from its peak down."""
    bend = rng.uniform(0.08, 0.16) * wide
    return [(0, -tall), (-side * bend, -0.62 * tall), (side * 0.4 * bend, -0.28 * tall), (-side * 0.5 * bend, 0.03)]
