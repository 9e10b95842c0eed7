"""A moon: a ringed planet and stars above its craters."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.layers import Element, Layer, Light, PaintedScene
from tower_animatic.paint import (
    Colour,
    Pixels,
    disc,
    mix_colours,
    noise,
    opaque,
    parse_colour,
    smoothstep,
)
from tower_animatic.scenery import heavens
from tower_animatic.scenery.domes import paint_domes
from tower_animatic.scenery.ground import paint_craters, paint_dunes, paint_plain, paint_stones
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.70
_DUST = parse_colour("9a98a4")


def paint(stage: Stage) -> PaintedScene:
    """Stars, a nebula and a planet with a ring, seen from a moon."""
    side = 1 if stage.rng("space").random() < 0.5 else -1
    light = (0.5 - 0.34 * side, 0.16)
    ground = paint_plain(stage, "moon", horizon=HORIZON + 0.03, ground=_DUST)
    paint_craters(ground, top=HORIZON + 0.03, ground=_DUST, side=-side)
    paint_stones(ground, "moon", top=HORIZON + 0.06, rock=_DUST, side=-side, count=26)
    back: list[Element] = [
        _starry_sky(stage),
        _planet(stage, (0.5 + 0.2 * side, 0.33), radius=0.19, side=-side),
        heavens.paint_sun(stage, *light, radius=0.016),
        paint_dunes(stage, "rim", depth=0.45, crest=HORIZON - 0.04, sand=_DUST, side=-side, count=5, rise=0.08),
        *paint_domes(stage, HORIZON + 0.035, side),
        Layer(ground),
    ]
    return PaintedScene(tuple(back), (), Light(*light, (255, 250, 244)), floor=0.92)


def _starry_sky(stage: Stage) -> Layer:
    """Stars of all sizes, a band of them denser, and clouds of glowing gas."""
    rng = stage.rng("galaxy")
    canvas = Canvas(stage, depth=0.02, scale=min(1.0, 900 / stage.height))
    height, width = canvas.image.shape[:2]
    gas: Pixels = smoothstep(0.50, 0.95, noise(rng, (height, width), cells=3, octaves=5))[..., None]
    other: Pixels = smoothstep(0.52, 0.98, noise(rng, (height, width), cells=2.3, octaves=5))[..., None]
    field: Pixels = np.asarray(parse_colour("070a1c"), np.float32)
    field = field + gas * np.asarray(parse_colour("5a2f8c"), np.float32) * 0.85
    field = field + other * np.asarray(parse_colour("1f6f92"), np.float32) * 0.75
    canvas.image[..., :3] = np.clip(field, 0, 255).astype(np.uint8)
    canvas.image[..., 3] = 255
    for _ in range(int(620 * width / height)):
        x = rng.random() * width
        y = rng.random() * height if rng.random() < 0.5 else (0.25 + 0.25 * x / width + rng.normal(0, 0.06)) * height
        gain, size = rng.uniform(0.35, 1.0), 0.4 + 1.5 * rng.random() ** 8
        star: Colour = (255 * gain, (244 - 30 * rng.random()) * gain, (215 + 40 * rng.random()) * gain)
        disc(canvas.image, (x, y), size * canvas.unit / 540, opaque(star))
    return Layer(canvas)


def _planet(stage: Stage, place: tuple[float, float], *, radius: float, side: int) -> Layer:
    """A banded planet, lit from `side`, with its ring before and behind it."""
    rng = stage.rng("planet face")
    canvas = Canvas(stage, depth=0.05)
    x, y = canvas.point(*place)
    r = radius * canvas.unit
    tones = [parse_colour(code) for code in ("e8c79a", "d19a6a", "f0dcc0", "b97f5e")]
    if rng.random() < 0.5:
        tones = [parse_colour(code) for code in ("8fc3d8", "5f8fc0", "bfe3ea", "4f74ad")]
    ring = (round(1.75 * r), round(0.42 * r))
    paint = opaque(mix_colours(tones[2], (40, 30, 30), 0.25))
    tilt = -16 * side
    for scale, thick in ((1.0, 0.09), (0.86, 0.05)):
        axes = (round(ring[0] * scale), round(ring[1] * scale))
        cv2.ellipse(canvas.image, (round(x), round(y)), axes, tilt, 180, 360, paint, round(thick * r), cv2.LINE_AA)
    ball = np.zeros_like(canvas.image)
    disc(ball, (x, y), r, (255, 255, 255, 255))
    ys, xs = np.mgrid[: ball.shape[0], : ball.shape[1]].astype(np.float32)
    u, v = (xs - x) / r, (ys - y) / r
    band = 0.5 + 0.5 * np.sin(9 * (v + 0.28 * u * side) + 1.5 * noise(rng, ball.shape[:2], cells=6, octaves=3))
    stripes = (band[..., None] * np.asarray(tones[0]) + (1 - band[..., None]) * np.asarray(tones[1])).astype(np.float32)
    lit = smoothstep(-0.55, 0.75, 0.9 * side * u - 0.5 * v)[..., None]
    mask = ball[..., 3:].astype(np.float32) / 255
    field = canvas.image[..., :3] * (1 - mask) + stripes * (0.06 + 0.94 * lit) * mask
    canvas.image[..., :3] = np.clip(field, 0, 255).astype(np.uint8)
    canvas.image[..., 3] = np.maximum(canvas.image[..., 3], ball[..., 3])
    for scale, thick in ((1.0, 0.09), (0.86, 0.05)):
        axes = (round(ring[0] * scale), round(ring[1] * scale))
        cv2.ellipse(canvas.image, (round(x), round(y)), axes, tilt, 0, 180, paint, round(thick * r), cv2.LINE_AA)
    return Layer(canvas)
