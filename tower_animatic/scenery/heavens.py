"""Sky, sun, moon, stars and clouds: the farthest layers of every place."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.layers import Glow, Layer
from tower_animatic.paint import (
    Colour,
    Pixels,
    blend_over,
    disc,
    dither,
    mix_colours,
    noise,
    opaque,
    ramp,
    smoothstep,
    soften,
)
from tower_animatic.setting_parts import Hour, Mood, Weather
from tower_animatic.stage import Canvas, Stage


def paint_sky(
    stage: Stage, *, horizon: float, glow_at: tuple[float, float], glow: float = 0.5, halo: bool = True
) -> Layer:
    """The gradient down to the horizon, warmer around the light, with the halo of a sun or moon if there is one."""
    canvas = Canvas(stage, depth=0.02, scale=0.5)
    width = canvas.image.shape[1]
    stops = [(at * horizon, c) for at, c in stage.palette.sky]
    field = np.repeat(ramp(stops, canvas.rows())[:, None], width, axis=1)
    d = _distance(canvas, glow_at)[..., None]
    shine = np.asarray(stage.palette.glow, np.float32)
    field += (shine - field) * (glow * np.exp(-d * 2.6))
    if halo and stage.setting.weather in (Weather.CLEAR, Weather.SNOW):
        field += shine * (0.18 * np.exp(-d * 5.5) + 0.42 * np.exp(-d * 15))
    canvas.image[..., :3] = dither(field, stage.rng("sky"))
    canvas.image[..., 3] = 255
    if stage.setting.hour is Hour.NIGHT and stage.setting.weather is Weather.CLEAR:
        _stars(canvas, horizon, count=90 if stage.setting.mood is Mood.CITY else 260)
    return Layer(canvas)


def paint_sun(stage: Stage, x: float, y: float, *, radius: float = 0.05, depth: float = 0.04) -> Glow:
    """The disc of the sun or moon; radius in units. Its halo belongs to the sky."""
    core = Canvas(stage, depth)
    disc(core.image, core.point(x, y), radius * core.unit, stage.palette.glow)
    if stage.setting.hour is Hour.NIGHT:
        _seas(core, (x, y), radius)
    core.image[..., 3] = 0
    return Glow(core)


def paint_cumulus(
    stage: Stage, label: str, *, x: float, base: float, width: float, height: float, depth: float
) -> Canvas:
    """A heap of cloud with a lit and a shaded side: `x`, `base` in shares of the frame, size in units."""
    rng = stage.rng(f"cloud {label}")
    canvas = Canvas(stage, depth, scale=min(1.0, 720 / stage.height))
    swell = _swell(canvas, rng, centre=canvas.point(x, base), size=(width * canvas.unit, height * canvas.unit))
    _paint_cloud(canvas, swell, rng, base)
    return canvas


def paint_cloud_bank(stage: Stage, label: str, *, base: float, height: float, depth: float, heaps: int = 5) -> Layer:
    """Clouds along the horizon."""
    rng = stage.rng(f"bank {label}")
    canvas = Canvas(stage, depth, scale=min(1.0, 720 / stage.height))
    swell = np.zeros(canvas.image.shape[:2], np.float32)
    for i, x in enumerate(canvas.across(heaps) + rng.normal(0, 0.04, heaps)):
        size = (
            canvas.unit * height * rng.uniform(1.4, 2.4),
            canvas.unit * height * rng.uniform(0.45, 1.0) * (0.7 + 0.3 * (i % 2)),
        )
        np.maximum(swell, _swell(canvas, rng, centre=canvas.point(x, base), size=size), out=swell)
    _paint_cloud(canvas, swell, rng, base)
    return Layer(canvas)


def paint_streaks(stage: Stage, *, top: float, bottom: float, depth: float = 0.05, amount: float = 0.5) -> Layer:
    """High thin clouds drawn out by the wind."""
    canvas = Canvas(stage, depth, scale=min(1.0, 540 / stage.height))
    height, width = canvas.image.shape[:2]
    rng = stage.rng("streaks")
    field = cv2.resize(
        noise(rng, (height, max(8, width // 5)), cells=9, octaves=5), (width, height), interpolation=cv2.INTER_CUBIC
    )
    rows = canvas.rows()
    window = smoothstep(top, top + 0.12, rows) * (1 - smoothstep(bottom - 0.15, bottom, rows))
    alpha = smoothstep(0.5, 0.95, field + 0.12 * amount) * window[:, None] * amount
    paint = np.asarray(mix_colours(*stage.palette.cloud, 0.15), np.float32)
    canvas.image[..., :3] = (alpha[..., None] * paint).astype(np.uint8)
    canvas.image[..., 3] = (alpha * 255).astype(np.uint8)
    return Layer(canvas)


def _distance(canvas: Canvas, place: tuple[float, float]) -> Pixels:
    """The distance of each pixel from a point, in units."""
    height, width = canvas.image.shape[:2]
    x, y = canvas.point(*place)
    xs, ys = np.arange(width, dtype=np.float32)[None] - x, np.arange(height, dtype=np.float32)[:, None] - y
    return np.asarray(np.hypot(xs, ys) / canvas.unit, np.float32)


def _stars(canvas: Canvas, horizon: float, *, count: int) -> None:
    rng = canvas.stage.rng("stars")
    height, width = canvas.image.shape[:2]
    for _ in range(int(count * width / height)):
        x, y = rng.random() * width, rng.random() ** 1.4 * horizon * height
        size = 0.35 + 1.1 * rng.random() ** 6
        gain = (1 - y / (horizon * height)) ** 0.7 * rng.uniform(0.4, 1.0)
        below = canvas.image[min(height - 1, int(y)), min(width - 1, int(x)), :3]
        star: Colour = (255, 244 - 20 * rng.random(), 225 + 30 * rng.random())
        disc(
            canvas.image,
            (x, y),
            size * canvas.unit / 540,
            opaque(mix_colours((float(below[0]), float(below[1]), float(below[2])), star, gain)),
        )


def _seas(core: Canvas, place: tuple[float, float], radius: float) -> None:
    """The grey seas on the moon."""
    x, y = core.point(*place)
    r = radius * core.unit
    box = np.s_[max(0, int(y - r)) : int(y + r) + 1, max(0, int(x - r)) : int(x + r) + 1]
    field = smoothstep(0.42, 0.62, noise(core.stage.rng("moon"), core.image[box].shape[:2], cells=2.4, octaves=4))
    core.image[box] = (core.image[box] * (1 - 0.22 * field[..., None])).astype(np.uint8)


def _swell(
    canvas: Canvas, rng: np.random.Generator, *, centre: tuple[float, float], size: tuple[float, float]
) -> Pixels:
    """The relief of a cloud towards the viewer, in pixels: many balls on a dome, larger ones lower."""
    swell = np.zeros(canvas.image.shape[:2], np.float32)
    for _ in range(110):
        u = rng.uniform(-1, 1)
        top = (1 - abs(u) ** 1.4) * (0.80 + 0.20 * np.cos(8 * u + rng.uniform(-0.5, 0.5)))
        v = top * rng.random() ** 0.7
        radius = size[1] * rng.uniform(0.08, 0.19) * (1.25 - 0.6 * v) + 1
        _ball(swell, (centre[0] + u * size[0] / 2, centre[1] - v * size[1]), radius)
    return swell


def _ball(swell: Pixels, centre: tuple[float, float], radius: float) -> None:
    x, y = centre
    rows = slice(max(0, int(y - radius)), max(0, int(y + radius) + 1))
    columns = slice(max(0, int(x - radius)), max(0, int(x + radius) + 1))
    box = swell[rows, columns]
    if box.size:
        ys = np.arange(rows.start, rows.start + box.shape[0], dtype=np.float32)[:, None] - y
        xs = np.arange(columns.start, columns.start + box.shape[1], dtype=np.float32)[None] - x
        np.maximum(box, np.sqrt(np.maximum(radius**2 - xs**2 - ys**2, 0)), out=box)


def _paint_cloud(canvas: Canvas, swell: Pixels, rng: np.random.Generator, base: float) -> None:
    """Ragged edges, light from above and a shaded base that dissolves."""
    height, width = swell.shape
    ragged = noise(rng, (height, width), cells=14, octaves=4) - 0.5
    finer = noise(rng, (height, width), cells=22, octaves=3) - 0.5
    reach = canvas.unit * 0.035
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    swell = cv2.remap(swell, xs + reach * ragged, ys + reach * finer, cv2.INTER_LINEAR)
    alpha = smoothstep(0.004, 0.03, swell / canvas.unit)
    slope = cv2.Sobel(cv2.GaussianBlur(swell, (0, 0), canvas.unit * 0.006 + 0.3), cv2.CV_32F, 0, 1, ksize=3) / 8
    body = soften(swell, canvas.unit * 0.03)
    broad = cv2.Sobel(body, cv2.CV_32F, 0, 1, ksize=3) / 8
    light = 0.46 + 0.28 * np.tanh(slope * 1.3) + 0.75 * np.tanh(broad * 2.2)
    rows = canvas.rows()
    fade = 1 - smoothstep(base - 0.10, base + 0.02, rows)[:, None]
    share = smoothstep(0.15, 0.95, light + 0.10 * ragged) * (0.35 + 0.65 * fade)
    bright, dark = (np.asarray(c, np.float32) for c in canvas.stage.palette.cloud)
    field = dark + (bright - dark) * share[..., None]
    field += (np.asarray(canvas.stage.palette.haze, np.float32) - field) * (0.55 * (1 - fade))[..., None]
    alpha *= 0.25 + 0.75 * fade
    canvas.image[..., :3] = (field * alpha[..., None]).astype(np.uint8)
    canvas.image[..., 3] = (alpha * 255).astype(np.uint8)


def stack_sheets(canvas: Canvas, *more: Canvas) -> Layer:
    """Combine several sheets of one depth into one layer, the first at the bottom."""
    for sheet in more:
        blend_over(canvas.image, sheet.image)
    return Layer(canvas)
