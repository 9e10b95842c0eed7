"""A field of snow below white mountains, with snowy firs."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Layer, Light, PaintedScene
from tower_animatic.paint import mix_colours, opaque, parse_colour, polygon
from tower_animatic.scenery import heavens
from tower_animatic.scenery.ground import paint_dunes, paint_plain
from tower_animatic.scenery.terrain import paint_mountains
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.64
_SNOW = parse_colour("d3dfee")


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("snowfield").random() < 0.5 else -1
    low = stage.setting.hour in (Hour.SUNSET, Hour.DAWN)
    light = (0.5 + 0.24 * side, HORIZON - 0.16 if low else 0.2)
    rock = parse_colour("6c86ac")
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.5),
        heavens.paint_streaks(stage, top=0.0, bottom=0.4, amount=0.5),
        *([heavens.paint_sun(stage, *light, radius=0.04)] if stage.setting.weather is not Weather.STORM else []),
        paint_mountains(stage, "ice", depth=0.10, crest=0.24, base=HORIZON, rock=rock, peaks=2.0, snow=1.1, mist=0.5),
        paint_mountains(
            stage, "near ice", depth=0.20, crest=0.42, base=HORIZON + 0.02, rock=rock, peaks=3.2, snow=0.8, mist=0.5
        ),
        _firs(stage, "far", depth=0.32, foot=HORIZON + 0.03, tall=0.09, count=34, gap=0.06),
        paint_dunes(stage, "drift", depth=0.42, crest=HORIZON, sand=_SNOW, side=side, count=5, rise=0.06),
        _firs(stage, "near", depth=0.6, foot=HORIZON + 0.13, tall=0.30, count=9, gap=0.27),
        Layer(paint_plain(stage, "snow", horizon=HORIZON + 0.12, ground=_SNOW)),
    ]
    return PaintedScene(tuple(back), (), Light(*light, stage.palette.glow), floor=0.91)


def _firs(stage: Stage, label: str, *, depth: float, foot: float, tall: float, count: int, gap: float) -> Layer:
    """A row of firs with snow on their boughs; `gap` (share of the width) stays free around the middle."""
    rng = stage.rng(f"firs {label}")
    canvas = Canvas(stage, depth)
    green = stage.palette.shade_surface(parse_colour("3d5f60"), depth + 0.1)
    white = stage.palette.shade_surface(_SNOW, depth + 0.15, sunny=0.75)
    for x in canvas.across(count) + rng.normal(0, 0.4 / count, count):
        if abs(x - 0.5) < gap:
            continue
        height, place = tall * rng.uniform(0.6, 1.1), (float(x), foot + rng.uniform(0, 0.02))
        for tier in np.linspace(0, 0.80, 6):
            half, y = 0.24 * height * (1 - tier), -height * tier
            bough = [(0, y - 0.36 * height * (1 - 0.4 * tier)), (half, y), (0, y - 0.06 * height), (-half, y)]
            polygon(canvas.image, canvas.shape(*place, bough), opaque(mix_colours(green, stage.palette.ink, 0.2)))
            top = bough[0]
            cap = [
                top,
                (0.8 * half, y - 0.03 * height),
                (0.3 * half, y - 0.09 * height),
                (-0.2 * half, y - 0.05 * height),
            ]
            cap += [(-0.75 * half, y - 0.04 * height), (-0.3 * half, y - 0.14 * height)]
            polygon(canvas.image, canvas.shape(*place, cap), opaque(white))
    canvas.add_mist(foot - tall, foot + 0.03, 0.6 * (1 - depth))
    return Layer(canvas)
