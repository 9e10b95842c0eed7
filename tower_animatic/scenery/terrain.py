"""Mountains, birds, and things that move with wind and water."""

from __future__ import annotations

import math

import cv2
import numpy as np

from tower_animatic.layers import Layer, View
from tower_animatic.paint import Colour, Pixels, brighten, mix_colours, noise, polygon, smoothstep, stroke
from tower_animatic.particles import add_light, half_size_sheet
from tower_animatic.stage import Canvas, Stage


def paint_mountains(
    stage: Stage,
    label: str,
    *,
    depth: float,
    crest: float,
    base: float,
    rock: Colour,
    peaks: float = 3.0,
    snow: float = 0.0,
    mist: float = 0.8,
) -> Layer:
    """A ridge with its highest crest at `crest`, fading into haze towards `base` (shares of the height).

    `snow` 0…1: how far down the snow reaches.
    """
    rng = stage.rng(f"mountains {label}")
    canvas = Canvas(stage, depth, scale=min(1.0, 900 / stage.height))
    height, width = canvas.image.shape[:2]
    profile = _profile(rng, width, peaks * width / canvas.unit / 1.8)
    top = canvas.point(0, crest)[1] + (1 - profile) * (base - crest) * 0.8 * canvas.stage.height * canvas.scale
    ys = np.arange(height, dtype=np.float32)[:, None]
    inside = np.clip(ys - top[None] + 0.5, 0, 1)
    field = _faces(canvas, top, rock, rng, snow)
    canvas.image[..., :3] = (field * inside[..., None]).astype(np.uint8)
    canvas.image[..., 3] = (inside * 255).astype(np.uint8)
    canvas.add_mist(crest + 0.15 * (base - crest), base, mist)
    return Layer(canvas)


class Birds:
    """A few birds far off that circle slowly and beat their wings."""

    def __init__(self, stage: Stage, *, place: tuple[float, float], depth: float, count: int = 6) -> None:
        rng = stage.rng("birds")
        self._place = place
        self._depth = depth
        self._ink = (*mix_colours(stage.palette.ink, stage.palette.haze, 0.25), 255.0)
        self._birds = [
            (rng.normal(0, 0.09), rng.normal(0, 0.045), rng.uniform(0.7, 1.25), rng.uniform(0, 6.28))
            for _ in range(count)
        ]

    def draw(self, frame: Pixels, view: View) -> None:
        unit = view.stage.unit
        for dx, dy, size, phase in self._birds:
            t = view.seconds
            x, y = view.to_screen(
                self._place[0] + dx + 0.018 * t,
                self._place[1] + dy - 0.004 * t + 0.004 * math.sin(t + phase),
                self._depth,
            )
            beat = math.sin(7.0 * t + phase)
            span, lift = 0.016 * size * unit, (0.004 + 0.007 * beat) * size * unit
            wing = [
                (x - span, y - lift),
                (x - 0.45 * span, y - 0.4 * lift - 0.003 * unit),
                (x, y),
                (x + 0.45 * span, y - 0.4 * lift - 0.003 * unit),
                (x + span, y - lift),
            ]
            stroke(frame, wing, self._ink, round(0.0022 * unit * size))


class SwayingSheet:
    """A painted sheet that swings in the wind. `roots` and `tips` are shares of the height.

    Hanging objects have their roots above their tips.
    """

    def __init__(self, canvas: Canvas, *, roots: float, tips: float, reach: float, period_s: float = 3.2) -> None:
        rows = np.flatnonzero(canvas.image[..., 3].max(axis=1))
        first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
        self._canvas = canvas
        self._rows = (first, last)
        share = np.clip((roots - canvas.rows()[first:last]) / (roots - tips), 0, 1)
        self._reach = (share**1.6 * reach * canvas.unit).astype(np.float32)[:, None]
        width = canvas.image.shape[1]
        self._xs = np.arange(width, dtype=np.float32)[None]
        self._ys = np.repeat(np.arange(last - first, dtype=np.float32)[:, None], width, axis=1)
        self._turn = 2 * math.pi / period_s
        self._layer = Layer(canvas)
        self._still = canvas.image[first:last].copy()

    def draw(self, frame: Pixels, view: View) -> None:
        wave = 7.0 * self._xs / self._canvas.unit
        t = self._turn * view.seconds
        gust = np.sin(wave - t) * 0.7 + 0.3 * np.sin(2.3 * wave - 1.7 * t + 1)
        cv2.remap(
            self._still,
            self._xs + self._reach * gust,
            self._ys,
            cv2.INTER_LINEAR,
            dst=self._canvas.image[slice(*self._rows)],
        )
        self._layer.draw(frame, view)


class Glitter:
    """Sun on water: sparks in a path below the light."""

    def __init__(
        self, stage: Stage, *, x: float, horizon: float, depth: float, paint: Colour, count: int = 260
    ) -> None:
        rng = stage.rng("glitter")
        v = rng.random(count) ** 1.7
        self._v = v
        self._x = x + rng.normal(0, 1, count) * (0.018 + 0.11 * v)
        self._y = horizon + 0.004 + v * (0.98 - horizon)
        self._phase, self._speed = rng.uniform(0, 6.28, count), rng.uniform(1.5, 4.5, count)
        self._depth = depth
        self._paint = paint

    def draw(self, frame: Pixels, view: View) -> None:
        stage = view.stage
        sheet = half_size_sheet(stage)
        blink = np.maximum(0, np.sin(self._speed * view.seconds + self._phase)) ** 3
        matrix = view.matrix(self._depth)
        px = (matrix @ np.stack([self._x * stage.width, self._y * stage.height, np.ones_like(self._x)])) / 2
        for x, y, gain, v in zip(px[0], px[1], blink, self._v, strict=True):
            if gain > 0.04:
                reach = (0.002 + 0.012 * v) * stage.unit / 2
                lift = max(0.6, reach * 0.22)
                polygon(
                    sheet, [(x - reach, y), (x, y - lift), (x + reach, y), (x, y + lift)], brighten(self._paint, gain)
                )
        add_light(frame, sheet, view)


def _profile(rng: np.random.Generator, width: int, peaks: float) -> Pixels:
    """A ridge line, 0…1, of folded noise, which has sharp crests."""
    x = np.linspace(0, peaks, width)
    line = np.zeros(width)
    for octave in range(7):
        knots = rng.random(int(peaks * 2**octave) + 3)
        smooth_noise = np.interp(x * 2**octave, np.arange(len(knots)), knots)
        line += (1 - np.abs(2 * smooth_noise - 1)) * 0.5**octave if octave < 3 else (smooth_noise - 0.5) * 0.5**octave
    line -= line.min()
    return np.asarray(line / line.max(), np.float32)


def _faces(canvas: Canvas, top: Pixels, rock: Colour, rng: np.random.Generator, snow: float) -> Pixels:
    """Lit and shaded faces running down from the crest, snow above."""
    height, width = canvas.image.shape[:2]
    palette = canvas.stage.palette
    below = np.arange(height, dtype=np.float32)[:, None] - top[None]
    rough = noise(rng, (height, width), cells=7, octaves=5) - 0.5
    slope = np.gradient(cv2.GaussianBlur(top[None].astype(np.float32), (0, 0), 0.004 * canvas.unit + 0.5)[0])
    bend = np.clip(np.arange(width)[None] + below * 0.35 * (rough * 5), 0, width - 1).astype(np.intp)
    facing = smoothstep(-0.35, 0.35, slope[bend] + 1.1 * rough)
    shaded = np.asarray(palette.shade_surface(rock, canvas.depth), np.float32)
    bright = np.asarray(
        palette.shade_surface(mix_colours(rock, palette.light, 0.35), canvas.depth, sunny=0.9), np.float32
    )
    field: Pixels = shaded + (bright - shaded) * facing[..., None] * 0.75
    if snow:
        limit = canvas.unit * 0.22 * snow * (1 + 2.2 * rough)
        cover = 1 - smoothstep(0.75, 1.0, below / np.maximum(limit, 1))
        white = np.asarray(mix_colours(palette.light, (255, 250, 248), 0.6), np.float32)
        shadow = np.asarray(palette.shade_surface((255, 235, 225), canvas.depth), np.float32)
        field += (shadow + (white - shadow) * facing[..., None] - field) * (cover * 0.92)[..., None]
    return field
