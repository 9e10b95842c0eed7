"""The red plain of another planet, with table mountains."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Layer, Light, PaintedScene
from tower_animatic.paint import (
    disc,
    mix_colours,
    opaque,
    outline,
    parse_colour,
    polygon,
    stroke,
)
from tower_animatic.scenery import heavens
from tower_animatic.scenery.domes import paint_domes
from tower_animatic.scenery.ground import paint_dunes, paint_plain, paint_stones
from tower_animatic.setting_parts import Hour
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.70
_RUST = parse_colour("c4613a")
_MESA = outline("-1,0 -0.86,-0.5 -0.7,-0.56 -0.6,-0.94 -0.2,-1 0.35,-0.95 0.52,-0.6 0.74,-0.52 0.9,-0.1 1,0")


def paint(stage: Stage) -> PaintedScene:
    """Table mountains in dusty air, two small moons, stones on rust."""
    side = 1 if stage.rng("planet").random() < 0.5 else -1
    low = stage.setting.hour in (Hour.SUNSET, Hour.DAWN)
    light = (0.5 + 0.24 * side, HORIZON - 0.12 if low else 0.22)
    ground = paint_plain(stage, "rust", horizon=HORIZON, ground=_RUST)
    paint_stones(ground, "rust", top=HORIZON + 0.02, rock=mix_colours(_RUST, (40, 40, 60), 0.35), side=side, count=60)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.55),
        heavens.paint_sun(stage, *light, radius=0.03),
        _small_moons(stage, side),
        _mesas(stage, "far", depth=0.12, foot=HORIZON - 0.005, rise=0.17, count=5, side=side),
        _mesas(stage, "near", depth=0.30, foot=HORIZON + 0.005, rise=0.24, count=3, side=side),
        paint_dunes(stage, "rust", depth=0.5, crest=HORIZON - 0.02, sand=_RUST, side=side, count=5, rise=0.07),
        *paint_domes(stage, HORIZON + 0.02, side),
        Layer(ground),
    ]
    return PaintedScene(tuple(back), (), Light(*light, stage.palette.glow), floor=0.91)


def _small_moons(stage: Stage, side: int) -> Layer:
    canvas = Canvas(stage, depth=0.03)
    pale = mix_colours(stage.palette.sky[1][1], stage.palette.light, 0.55)
    for x, y, r in ((0.5 - 0.22 * side, 0.16, 0.030), (0.5 - 0.34 * side, 0.30, 0.016)):
        disc(canvas.image, canvas.point(x, y), r * canvas.unit, opaque(pale))
        shade = mix_colours(pale, stage.palette.sky[1][1], 0.75)
        disc(canvas.image, canvas.point(x - 0.006 * side, y - 0.004), 0.8 * r * canvas.unit, opaque(shade))
    return Layer(canvas)


def _mesas(stage: Stage, label: str, *, depth: float, foot: float, rise: float, count: int, side: int) -> Layer:
    """Table mountains with lit and shaded walls and layers of stone."""
    rng = stage.rng(f"mesas {label}")
    canvas = Canvas(stage, depth)
    palette = stage.palette
    dark = palette.shade_surface(mix_colours(_RUST, palette.ink, 0.25), depth + 0.2)
    lit = palette.shade_surface(_RUST, depth + 0.2, sunny=0.8)
    for x in canvas.across(count) + rng.normal(0, 0.07, count):
        wide, tall = rise * rng.uniform(0.7, 1.6), rise * rng.uniform(0.45, 1.0)
        shape = _MESA * (wide * side, tall)
        polygon(canvas.image, canvas.shape(x, foot, shape), opaque(dark))
        split = np.array([(0.1, -0.98), (0.22, -0.6), (0.12, -0.3), (0.25, 0)]) * (wide * side, tall)
        polygon(canvas.image, canvas.shape(x, foot, np.vstack([split, shape[:4:-1]])), opaque(lit))
        for level in (0.78, 0.55, 0.3):
            line = [(-0.8 * wide * (1.1 - level), -level * tall), (0.9 * wide * (1.15 - level), -level * tall)]
            stroke(canvas.image, canvas.shape(x, foot, line), opaque(mix_colours(dark, lit, 0.4)))
    top, low = foot - 0.004, canvas.bottom
    ground = [(canvas.left, top), (canvas.right, top), (canvas.right, low), (canvas.left, low)]
    polygon(canvas.image, canvas.points(ground), opaque(lit))
    canvas.add_mist(foot - 0.16, foot + 0.03, 0.7 * (1 - depth))
    return Layer(canvas)
