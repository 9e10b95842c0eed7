"""The sea: a summer cloud on the horizon, a headland, glitter, foam running up the sand."""

from __future__ import annotations

import math

import numpy as np

from tower_animatic.layers import Element, Layer, Light, PaintedScene, View
from tower_animatic.paint import (
    Pixels,
    brighten,
    curve,
    disc,
    mix_colours,
    opaque,
    outline,
    parse_colour,
    polygon,
    stroke,
    translate,
)
from tower_animatic.reflection import GroundReflection
from tower_animatic.scenery import heavens
from tower_animatic.scenery.plants import paint_foliage, paint_meadow, plant_tones
from tower_animatic.scenery.terrain import Birds, Glitter, SwayingSheet, paint_mountains
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.585


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("coast").random() < 0.5 else -1
    low = stage.setting.hour in (Hour.SUNSET, Hour.DAWN)
    light = (0.5 + (0.10 if low else 0.2) * side, HORIZON - 0.085 if low else 0.16)
    spark = mix_colours(stage.palette.glow, (255, 255, 255), 0.3)
    calm = stage.setting.weather in (Weather.CLEAR, Weather.SNOW)
    heap = heavens.paint_cumulus(
        stage, "summer", x=0.5 - 0.25 * side, base=HORIZON - 0.005, width=0.75, height=0.46, depth=0.05
    )
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.6),
        heavens.paint_streaks(stage, top=0.0, bottom=0.35, amount=0.55),
        *([heavens.paint_sun(stage, *light, radius=0.045)] if calm else []),
        heavens.stack_sheets(heap),
        heavens.paint_cloud_bank(stage, "sea", base=HORIZON, height=0.13, depth=0.06, heaps=6),
        paint_mountains(
            stage,
            "isle",
            depth=0.12,
            crest=HORIZON - 0.09,
            base=HORIZON + 0.02,
            rock=parse_colour("5b7d8a"),
            peaks=1.6,
            mist=0.9,
        )
        if stage.rng("isle").random() < 0.4
        else _sail(stage, 0.5 + 0.02 * side),
        _sea(stage),
        GroundReflection(stage, horizon=HORIZON, depth=0.10, wet=0.42, ripple=0.010),
        *([Glitter(stage, x=light[0], horizon=HORIZON, depth=0.12, paint=spark)] if calm else []),
        _headland(stage, -side),
        *(
            [Birds(stage, place=(0.5 + 0.12 * side, 0.33), depth=0.3, count=5)]
            if stage.setting.weather is Weather.CLEAR
            else []
        ),
        Surf(stage),
    ]
    return PaintedScene(tuple(back), (_grass(stage, side),), Light(*light, stage.palette.glow), floor=0.935)


def _sea(stage: Stage) -> Layer:
    canvas = Canvas(stage, depth=0.10)
    palette = stage.palette
    sky = palette.sky
    deep = {Hour.NIGHT: parse_colour("1c4a7a"), Hour.SUNSET: parse_colour("5a4a80")}.get(
        stage.setting.hour, parse_colour("1f86ab")
    )
    near = palette.shade_surface(brighten(deep, 1.25), 0.95, sunny=0.9)
    far = mix_colours(sky[3][1], near, 0.45)
    share = np.clip((canvas.rows() - HORIZON) / (1 - HORIZON), 0, 1)[:, None]
    field = np.asarray(far) + (np.asarray(near) - np.asarray(far)) * np.sqrt(share)
    below = int(canvas.point(0, HORIZON)[1])
    canvas.image[below:, :, :3] = field[below:, None].astype(np.uint8)
    canvas.image[below:, :, 3] = 255
    return Layer(canvas)


def _headland(stage: Stage, side: int) -> Layer:
    """A green cape with a lighthouse."""
    rng = stage.rng("headland")
    canvas = Canvas(stage, depth=0.24)
    edge = 0.5 + 0.5 * side + (0.02 * side)
    rise = np.array(outline("""0.62,0.004 0.52,0.03 0.44,0.06 0.36,0.075 0.28,0.1 0.18,0.115 0.06,0.13 -0.14,0.14"""))
    line = np.stack(
        [edge - side * rise[:, 0] * 0.62, HORIZON + 0.012 - rise[:, 1] * (1 + 0.12 * rng.normal(size=8))], 1
    )
    cliff = np.vstack([curve(line, 6), [(edge + side * 0.3, HORIZON + 0.022), (edge - side * 0.40, HORIZON + 0.022)]])
    rock = stage.palette.shade_surface(parse_colour("8a7b70"), 0.45, sunny=0.3)
    polygon(canvas.image, canvas.points(cliff), opaque(rock))
    tones = plant_tones(canvas, parse_colour("4a8a4c"), sunny=0.8)
    for x, y in curve(line, 5)[::2]:
        paint_foliage(canvas, (float(x), float(y) + 0.012), (0.045, 0.022), tones, rng, leaf=0.006, count=70)
    _lighthouse(canvas, (float(line[3, 0]), float(line[3, 1])))
    return Layer(canvas)


def _lighthouse(canvas: Canvas, foot: tuple[float, float]) -> None:
    palette = canvas.stage.palette
    white = palette.shade_surface((250, 250, 250), 0.5, sunny=0.8)
    polygon(
        canvas.image,
        canvas.shape(*foot, [(-0.013, 0.01), (-0.009, -0.085), (0.009, -0.085), (0.013, 0.01)]),
        opaque(white),
    )
    polygon(
        canvas.image,
        canvas.shape(*foot, [(0.002, 0.01), (0.002, -0.085), (0.009, -0.085), (0.013, 0.01)]),
        opaque(mix_colours(white, palette.shade, 0.45)),
    )
    polygon(
        canvas.image,
        canvas.shape(*foot, [(-0.013, -0.085), (0.013, -0.085), (0.011, -0.092), (-0.011, -0.092)]),
        opaque(palette.shade_surface(parse_colour("c84a3c"), 0.6, sunny=0.5)),
    )
    polygon(
        canvas.image,
        canvas.shape(*foot, outline("-0.007,-0.092 0.007,-0.092 0.006,-0.107 0,-0.114 -0.006,-0.107")),
        opaque(palette.shade_surface(parse_colour("c84a3c"), 0.6, sunny=0.5)),
    )
    disc(
        canvas.image,
        canvas.shape(*foot, [(0, -0.099)])[0],
        0.005 * canvas.unit,
        opaque(mix_colours(palette.glow, (255, 255, 255), 0.4)),
    )


def _sail(stage: Stage, x: float) -> Layer:
    canvas = Canvas(stage, depth=0.13)
    white = stage.palette.shade_surface((252, 252, 255), 0.6, sunny=0.9)
    place = (x, HORIZON + 0.006)
    polygon(canvas.image, canvas.shape(*place, [(0, -0.075), (0.004, -0.012), (0.034, -0.012)]), opaque(white))
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.002, -0.065), (-0.002, -0.012), (-0.022, -0.012)]),
        opaque(mix_colours(white, stage.palette.shade, 0.4)),
    )
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.026, -0.009), (0.036, -0.009), (0.026, 0.002), (-0.018, 0.002)]),
        opaque(mix_colours(stage.palette.shade, stage.palette.ink, 0.4)),
    )
    return Layer(canvas)


class Surf:
    """The beach with waves that run up and fall back."""

    def __init__(self, stage: Stage) -> None:
        rng = stage.rng("surf")
        canvas = Canvas(stage, depth=0.9)
        self._sand = stage.palette.shade_surface(parse_colour("e8d3a8"), 1.0, sunny=0.75)
        self._wet = mix_colours(self._sand, stage.palette.sky[3][1], 0.4)
        self._foam = mix_colours(stage.palette.light, (255, 255, 255), 0.55)
        self._xs = canvas.across(40)
        self._phase = rng.uniform(0, 6.28, 3)

    def draw(self, frame: Pixels, view: View) -> None:
        unit = view.stage.unit
        t = view.seconds
        wash = 0.012 * math.sin(1.15 * t)
        self._area(frame, view, self._line(t, 0.878 + 0.006), self._wet)
        self._area(frame, view, self._line(t, 0.922), self._sand)
        for k, (offset, gain) in enumerate(((0.0, 1.0), (-0.045, 0.55), (-0.085, 0.35), (-0.118, 0.22))):
            line = self._points(view, self._line(t + 0.8 * k, 0.878 + offset + wash * (1 - 0.2 * k)))
            thick = max(1, round(unit * 0.007 * (1 - 0.2 * k)))
            polygon(
                frame,
                np.vstack([line, translate(line, 0, thick * (1.2 + 0.8 * math.sin(0.9 * t + k)))[::-1]]),
                (*mix_colours(self._wet, self._foam, gain), 255.0),
            )
            if k == 0:
                stroke(
                    frame,
                    translate(line, 0, 2.4 * thick),
                    (*mix_colours(self._wet, self._foam, 0.5), 255.0),
                    max(1, thick // 3),
                )

    def _line(self, t: float, y: float) -> Pixels:
        x = self._xs * 6.0
        a, b, c = self._phase
        wave = (
            0.010 * np.sin(x + a + 0.25 * t)
            + 0.006 * np.sin(2.3 * x + b - 0.4 * t)
            + 0.002 * np.sin(7 * x + c + 0.9 * t)
        )
        return np.stack([self._xs, y + wave], 1)

    def _points(self, view: View, line: Pixels) -> Pixels:
        stage = view.stage
        flat = np.stack([line[:, 0] * stage.width, line[:, 1] * stage.height, np.ones(len(line))])
        seen: Pixels = (view.matrix(0.9) @ flat).T
        return seen

    def _area(self, frame: Pixels, view: View, line: Pixels, paint: tuple[float, float, float]) -> None:
        edge = self._points(view, line)
        height = frame.shape[0] + 50
        polygon(frame, np.vstack([edge, [(edge[-1, 0], height), (edge[0, 0], height)]]), (*paint, 255.0))


def _grass(stage: Stage, side: int) -> SwayingSheet:
    rng = stage.rng("beach grass")
    canvas = Canvas(stage, depth=1.35, scale=0.5)
    tones = [
        mix_colours(stage.palette.ink, tone, 0.55) for tone in plant_tones(canvas, parse_colour("6f9a55"), sunny=0.6)
    ]
    edges = ((canvas.left, 0.24), (0.86, canvas.right)) if side > 0 else ((canvas.left, 0.14), (0.76, canvas.right))
    for start, end in edges:
        paint_meadow(
            canvas,
            np.array([(start, canvas.bottom + 0.02), (end, canvas.bottom + 0.03)]),
            tones,
            rng,
            blade=0.2,
            count=80,
        )
    return SwayingSheet(canvas, roots=1.03, tips=0.82, reach=0.02, period_s=2.9)
