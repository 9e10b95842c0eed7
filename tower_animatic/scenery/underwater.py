"""Under water: light from above, the towers of a sunken town or rocks, weed in the current, fish and bubbles."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Halo, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import (
    brighten,
    curve,
    dither,
    mix_colours,
    noise,
    opaque,
    parse_colour,
    polygon,
    ramp,
    smoothstep,
    soften,
)
from tower_animatic.particles import MoteKind, Motes
from tower_animatic.scenery.buildings import paint_facade
from tower_animatic.scenery.ground import paint_plain, paint_stones
from tower_animatic.scenery.sea_life import Shoal, paint_weed
from tower_animatic.setting_parts import Mood
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.76


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("underwater").random() < 0.5 else -1
    light = (0.5 + 0.16 * side, 0.02)
    ground = paint_plain(stage, "sea bed", horizon=HORIZON, ground=parse_colour("6f9a9a"))
    paint_stones(ground, "sea bed", top=HORIZON + 0.02, rock=parse_colour("4f7480"), side=side, count=30)
    is_town = bool({Mood.CITY, Mood.VILLAGE} & set(stage.setting.left_out))
    silhouette = _sunken_town if is_town else _rocks
    back: list[Element] = [
        _water(stage, light[0]),
        silhouette(stage, "far", depth=0.12, rise=0.52, count=11),
        silhouette(stage, "middle", depth=0.28, rise=0.46, count=6),
        Shoal(stage, place=(0.5 - 0.1 * side, 0.34), depth=0.35),
        silhouette(stage, "near", depth=0.5, rise=0.40, count=3),
        _beams(stage, light[0]),
        Layer(ground),
        paint_weed(stage, "behind", depth=0.9, foot=HORIZON + 0.08, tall=0.22, count=16),
    ]
    bubbles = MoteKind(count=60, size=(0.0012, 0.006), paint=(255, 240, 215), fall=-0.09, gain=0.55, blink=0.3)
    front = (paint_weed(stage, "front", depth=1.35, foot=1.04, tall=0.42, count=9), Motes(stage, "bubbles", bubbles))
    return PaintedScene(tuple(back), front, Light(*light, stage.palette.glow), floor=0.93)


def _water(stage: Stage, bright_x: float) -> Layer:
    canvas = Canvas(stage, depth=0.02, scale=0.5)
    height, width = canvas.image.shape[:2]
    field = np.repeat(ramp(stage.palette.sky, canvas.rows())[:, None], width, axis=1)
    xs = (np.arange(width, dtype=np.float32) - canvas.point(bright_x, 0)[0]) / canvas.unit
    d = np.hypot(xs[None] * 0.8, canvas.rows()[:, None] * stage.height / stage.unit)[..., None]
    glow = np.asarray(stage.palette.glow, np.float32)
    field += (glow - field) * (0.85 * np.exp(-3.4 * d))
    ripples = noise(stage.rng("surface"), (height, width), cells=16, octaves=2)[..., None]
    top = (1 - smoothstep(0.0, 0.12, canvas.rows()))[:, None, None]
    field += (glow - field) * top * smoothstep(0.45, 0.7, ripples) * 0.5
    canvas.image[..., :3] = dither(np.clip(field, 0, 254), stage.rng("water"))
    canvas.image[..., 3] = 255
    return Layer(canvas)


def _sunken_town(stage: Stage, label: str, *, depth: float, rise: float, count: int) -> Layer:
    """Towers whose tops have broken off, with dark windows and weed on the ledges."""
    rng = stage.rng(f"sunken town {label}")
    canvas = Canvas(stage, depth)
    wall = stage.palette.shade_surface(parse_colour("3f6a78"), depth + 0.25)
    base = canvas.point(0, HORIZON + 0.05)[1]
    for x in canvas.across(count) + rng.normal(0, 0.03, count):
        if abs(x - 0.5) < 0.20 * (depth > 0.4):
            continue
        tall, wide = canvas.unit * rise * rng.uniform(0.45, 1.0), canvas.unit * rng.uniform(0.07, 0.13) * (0.7 + depth)
        left = canvas.point(x, 0)[0] - wide / 2
        paint_facade(canvas, (left, base - tall, left + wide, base), wall, rng, lights=0.0, cell=0.016 + 0.02 * depth)
        jag = [(left, base - tall + 2), (left, base - tall * 1.10)]
        jag += [(left + wide * k, base - tall * rng.uniform(0.99, 1.1)) for k in (0.25, 0.4, 0.6, 0.8)]
        polygon(canvas.image, [*jag, (left + wide, base - tall + 2)], opaque(wall))
    canvas.add_mist(HORIZON - rise, HORIZON + 0.03, 0.75 * (1 - depth))
    return Layer(canvas)


def _rocks(stage: Stage, label: str, *, depth: float, rise: float, count: int) -> Layer:
    """Pillars of rock with rounded tops."""
    rng = stage.rng(f"rocks {label}")
    canvas = Canvas(stage, depth)
    rock = stage.palette.shade_surface(parse_colour("3b6572"), depth + 0.25)
    lit = mix_colours(rock, stage.palette.glow, 0.22)
    for x in canvas.across(count) + rng.normal(0, 0.05, count):
        if abs(x - 0.5) < 0.22 * (depth > 0.4):
            continue
        tall, wide = rise * rng.uniform(0.25, 0.85), rng.uniform(0.06, 0.13)
        left = [(-wide * k, -tall * t) for k, t in ((1.5, -0.1), (1.0, 0.3), (1.05, 0.55), (0.7, 0.8), (0.3, 1.0))]
        right = [(wide * k, -tall * t) for k, t in ((0.25, 1.03), (0.75, 0.85), (0.9, 0.5), (1.2, 0.25), (1.6, -0.1))]
        polygon(canvas.image, canvas.shape(x, HORIZON + 0.05, curve([*left, *right], 6)), opaque(rock))
        edge = curve(right, 6)
        inner = edge * (0.86, 1.0)
        polygon(canvas.image, canvas.shape(x, HORIZON + 0.05, np.vstack([edge, inner[::-1]])), opaque(lit))
    canvas.add_mist(HORIZON - rise, HORIZON + 0.03, 0.75 * (1 - depth))
    return Layer(canvas)


def _beams(stage: Stage, bright_x: float) -> Halo:
    """Shafts of light that fan out from the surface, each with its own pulse."""
    rng = stage.rng("beams")
    beams = []
    for number in range(4):
        canvas = Canvas(stage, 0.2 + 0.12 * number, scale=0.25)
        for _ in range(2):
            top, spread = bright_x + rng.uniform(-0.28, 0.28), rng.uniform(0.01, 0.03)
            low = top + (top - bright_x) * 1.3
            beam = [(top - spread, -0.1), (top + spread, -0.1), (low + 3 * spread, 0.9), (low - 3 * spread, 0.9)]
            sheet = np.zeros_like(canvas.image)
            polygon(sheet, canvas.points(beam), brighten(stage.palette.glow, 0.20 * rng.uniform(0.5, 1.0)))
            canvas.image = np.maximum(canvas.image, sheet)
        fade = 1 - smoothstep(0.15, 0.85, canvas.rows())
        canvas.image = (soften(canvas.image, 0.014 * canvas.unit) * fade[:, None, None]).astype(np.uint8)
        canvas.image[..., 3] = 0
        beams.append((canvas, slow_pulse(3.0 + 0.8 * number, 0.4, phase=1.9 * number)))
    return Halo(*beams)
