"""A battlefield after the fight: smoke over dark hills, torn banners, spears in the ground, fires far off."""

from __future__ import annotations

import math

import numpy as np

from tower_animatic.layers import Element, Halo, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import (
    brighten,
    curve,
    disc,
    mix_colours,
    noise,
    opaque,
    outline,
    parse_colour,
    polygon,
    smoothstep,
    soften,
    stroke,
)
from tower_animatic.scenery import heavens
from tower_animatic.scenery.ground import paint_plain, paint_stones
from tower_animatic.scenery.terrain import SwayingSheet, paint_mountains
from tower_animatic.setting_parts import Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.66
_EARTH = parse_colour("6a5a4c")
_FIRE = parse_colour("ff8a3a")
_BANNER = outline("0,-1 0.34,-0.97 0.52,-0.9 0.44,-0.8 0.56,-0.72 0.36,-0.62 0.46,-0.5 0.2,-0.54 0,-0.5")


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("battlefield").random() < 0.5 else -1
    light = (0.5 + 0.2 * side, HORIZON - 0.12)
    ground = paint_plain(stage, "earth", horizon=HORIZON + 0.06, ground=_EARTH)
    paint_stones(ground, "earth", top=HORIZON + 0.08, rock=_EARTH, side=side, count=34)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.6),
        *([heavens.paint_sun(stage, *light, radius=0.05)] if stage.setting.weather is Weather.CLEAR else []),
        paint_mountains(
            stage,
            "ridge",
            depth=0.14,
            crest=0.50,
            base=HORIZON + 0.02,
            rock=parse_colour("5a5560"),
            peaks=2.6,
            mist=0.8,
        ),
        Halo((_fires(stage), slow_pulse(1.7, 0.6))),
        *(_smoke(stage, x, depth) for x, depth in ((0.16, 0.2), (0.62, 0.16), (0.88, 0.26))),
        _standards(stage, "far", depth=0.42, foot=HORIZON + 0.07, tall=0.13, count=22, side=side),
        Layer(ground),
        _standards(stage, "near", depth=0.85, foot=HORIZON + 0.20, tall=0.36, count=11, side=side),
    ]
    return PaintedScene(tuple(back), (), Light(*light, stage.palette.glow), floor=0.92)


def _smoke(stage: Stage, x: float, depth: float) -> Layer:
    """A column of smoke that leans with the wind and dissolves upwards."""
    canvas = Canvas(stage, depth, scale=min(1.0, 540 / stage.height))
    rng = stage.rng(f"smoke {x}")
    height, width = canvas.image.shape[:2]
    rows = np.clip((HORIZON - canvas.rows()) / HORIZON, 0, 1)[:, None]
    px = canvas.point(x, 0)[0] + canvas.unit * 0.28 * rows**1.4
    spread = canvas.unit * (0.02 + 0.16 * rows)
    cloud = noise(rng, (height, width), cells=9, octaves=5)
    body = np.exp(-(((np.arange(width, dtype=np.float32)[None] - px) / spread) ** 2))
    alpha = body * smoothstep(0.25, 0.8, cloud) * (1 - 0.75 * rows) * (rows > 0)
    tone = np.asarray(mix_colours(stage.palette.ink, stage.palette.haze, 0.25), np.float32)
    canvas.image[..., :3] = (alpha[..., None] * tone * (0.7 + 0.6 * cloud[..., None])).clip(0, 255).astype(np.uint8)
    canvas.image[..., 3] = (alpha * 235).astype(np.uint8)
    return Layer(canvas)


def _fires(stage: Stage) -> Canvas:
    rng = stage.rng("fires")
    canvas = Canvas(stage, depth=0.2, scale=0.25)
    for x in rng.uniform(0, 1, 9):
        disc(canvas.image, canvas.point(float(x), HORIZON - 0.005), 0.014 * canvas.unit, brighten(_FIRE, 0.9))
    canvas.image = soften(canvas.image, 0.02 * canvas.unit)
    canvas.image[..., 3] = 0
    return canvas


def _standards(
    stage: Stage, label: str, *, depth: float, foot: float, tall: float, count: int, side: int
) -> SwayingSheet:
    """Spears that stick in the ground at all angles, some with a torn banner."""
    rng = stage.rng(f"standards {label}")
    canvas = Canvas(stage, depth)
    ink = mix_colours(stage.palette.ink, stage.palette.haze, 0.30 * (1 - depth))
    thickness = round(0.006 * canvas.unit * (0.4 + depth))
    cloth = stage.palette.shade_surface(parse_colour("a8343a"), depth + 0.1, sunny=0.4)
    for x in canvas.across(count) + rng.normal(0, 0.03, count):
        if abs(x - 0.5) < 0.08 + 0.14 * depth:
            continue
        length, lean, place = tall * rng.uniform(0.5, 1.0), rng.normal(0, 0.22), (float(x), foot + rng.uniform(0, 0.05))
        tip = (math.sin(lean) * length, -math.cos(lean) * length)
        stroke(canvas.image, canvas.shape(*place, [(0, 0), tip]), opaque(ink), thickness)
        blade = np.array([(-0.03, 0), (0, -0.14), (0.03, 0)]) * length + tip
        polygon(canvas.image, canvas.shape(*place, blade), opaque(mix_colours(ink, stage.palette.light, 0.4)))
        if rng.random() < 0.6:
            turn = np.array([[math.cos(lean), math.sin(lean)], [-math.sin(lean), math.cos(lean)]])
            flag = curve(_BANNER * (side * length, length), 4, closed=True) @ turn
            polygon(canvas.image, canvas.shape(*place, flag), opaque(mix_colours(cloth, ink, rng.uniform(0, 0.5))))
    return SwayingSheet(canvas, roots=foot, tips=foot - tall, reach=0.006, period_s=2.2)
