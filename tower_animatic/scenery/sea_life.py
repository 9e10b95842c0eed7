"""Moving things under water: a shoal of fish, and weed in the current."""

from __future__ import annotations

import math

import numpy as np

from tower_animatic.layers import View
from tower_animatic.paint import (
    Pixels,
    curve,
    mix_colours,
    opaque,
    outline,
    parse_colour,
    polygon,
    translate,
)
from tower_animatic.scenery.terrain import SwayingSheet
from tower_animatic.stage import Canvas, Stage

_FISH = outline("-1,0 -0.5,-0.34 0.1,-0.36 0.55,-0.1 0.95,-0.32 0.85,0 0.95,0.32 0.55,0.1 0.1,0.34 -0.5,0.3")


class Shoal:
    """Fish that swim together and turn their bodies in waves."""

    def __init__(self, stage: Stage, *, place: tuple[float, float], depth: float, count: int = 26) -> None:
        rng = stage.rng("shoal")
        self._place, self._depth = place, depth
        self._ink = opaque(mix_colours(stage.palette.ink, stage.palette.haze, 0.35))
        self._fish = [
            (rng.normal(0, 0.15), rng.normal(0, 0.055), rng.uniform(0.6, 1.2), rng.uniform(0, 6.28))
            for _ in range(count)
        ]

    def draw(self, frame: Pixels, view: View) -> None:
        unit, t = view.stage.unit, view.seconds
        for dx, dy, size, phase in self._fish:
            x, y = view.to_screen(
                self._place[0] + dx - 0.022 * t,
                self._place[1] + dy + 0.006 * math.sin(0.9 * t + phase),
                self._depth,
            )
            bend = 0.5 * math.sin(6.0 * t + phase)
            body = _FISH * (0.016 * size * unit, 0.013 * size * unit)
            body[:, 1] += bend * np.clip(_FISH[:, 0], 0, 1) ** 2 * 0.006 * unit
            polygon(frame, translate(body, x, y), self._ink)


def paint_weed(stage: Stage, label: str, *, depth: float, foot: float, tall: float, count: int) -> SwayingSheet:
    """Ribbons of weed that the current moves."""
    rng = stage.rng(f"weed {label}")
    canvas = Canvas(stage, depth, scale=0.5 if depth > 1 else 1.0)
    for x in canvas.across(count) + rng.normal(0, 0.04, count):
        if abs(x - 0.5) < 0.24:
            continue
        tone = stage.palette.shade_surface(
            mix_colours(parse_colour("2f7a5c"), parse_colour("6a4a7c"), rng.random() * 0.8), 0.95
        )
        for _ in range(4):
            length, lean = tall * rng.uniform(0.5, 1.0), rng.normal(0, 0.02)
            spine = curve([(lean * k + 0.012 * math.sin(5 * k), -length * k) for k in (0, 0.3, 0.6, 1.0)], 8)
            half = np.linspace(0.010, 0.001, len(spine))[:, None] * np.array([[1.0, 0.0]]) * (0.6 + tall * 2)
            ribbon = np.vstack([spine - half, (spine + half)[::-1]])
            place = (float(x) + rng.normal(0, 0.012), foot)
            polygon(canvas.image, canvas.shape(*place, ribbon), opaque(mix_colours(tone, stage.palette.ink, 0.3)))
    return SwayingSheet(canvas, roots=foot, tips=foot - tall, reach=0.035, period_s=4.5)
