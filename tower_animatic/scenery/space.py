"""Space: a ringed planet over the craters of a moon, and the red plain of another planet."""

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
    outline,
    parse_colour,
    polygon,
    smoothstep,
    stroke,
)
from tower_animatic.scenery import heavens
from tower_animatic.scenery.ground import paint_craters, paint_dunes, paint_plain, paint_stones
from tower_animatic.stage import Canvas, Stage
from tower_animatic.words import Hour, Mood, Weather

HORIZON = 0.70
_DUST = parse_colour("9a98a4")
_RUST = parse_colour("c4613a")
_MESA = outline("-1,0 -0.86,-0.5 -0.7,-0.56 -0.6,-0.94 -0.2,-1 0.35,-0.95 0.52,-0.6 0.74,-0.52 0.9,-0.1 1,0")


def paint_moon(stage: Stage) -> PaintedScene:
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
        *_domes(stage, HORIZON + 0.035, side),
        Layer(ground),
    ]
    return PaintedScene(tuple(back), (), Light(*light, (255, 250, 244)), floor=0.92)


def paint_red_planet(stage: Stage) -> PaintedScene:
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
        *_domes(stage, HORIZON + 0.02, side),
        Layer(ground),
    ]
    return PaintedScene(tuple(back), (), Light(*light, stage.palette.glow), floor=0.91)


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


def _domes(stage: Stage, foot: float, side: int) -> list[Element]:
    """A settlement under glass, where the prompt names a town or a house there."""
    if not {Mood.CITY, Mood.VILLAGE, Mood.INTERIOR} & set(stage.setting.left_out):
        return []
    canvas = Canvas(stage, depth=0.55)
    angle = np.linspace(np.pi, 2 * np.pi, 28)
    glass = mix_colours(stage.palette.haze, (250, 240, 225), 0.45)
    for x, r in ((-0.30, 0.10), (-0.16, 0.06), (0.02, 0.13), (0.22, 0.08), (0.36, 0.05)):
        place = (0.5 + x * side, foot)
        dome = np.stack([np.cos(angle), np.sin(angle)], 1) * r
        polygon(canvas.image, canvas.shape(*place, dome), opaque(mix_colours(glass, stage.palette.shade, 0.35)))
        for k in (-0.6, -0.25, 0.1, 0.45):
            height = r * (0.75 - 0.5 * abs(k))
            tower = [(k * r, 0), (k * r, -height), ((k + 0.24) * r, -height), ((k + 0.24) * r, 0)]
            polygon(canvas.image, canvas.shape(*place, tower), opaque(mix_colours(glass, stage.palette.ink, 0.6)))
            lamp = canvas.shape(*place, [((k + 0.12) * r, -0.6 * height)])[0]
            disc(canvas.image, lamp, 0.004 * canvas.unit, opaque(parse_colour("ffd890")))
        stroke(canvas.image, canvas.shape(*place, dome), opaque(glass), round(0.004 * canvas.unit))
    if stage.setting.weather is Weather.FOG:
        canvas.add_mist(foot - 0.2, foot, 0.5)
    return [Layer(canvas)]
