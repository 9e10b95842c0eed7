"""A shrine above a village: the red gate, stone steps and lanterns, cedars, a cherry branch in front."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Glow, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import brighten, curve, disc, mix_colours, opaque, outline, parse_colour, polygon, soften
from tower_animatic.scenery import heavens
from tower_animatic.scenery.plants import paint_foliage, paint_hill, paint_meadow, plant_tones
from tower_animatic.scenery.terrain import SwayingSheet, paint_mountains
from tower_animatic.scenery.torii import paint_torii
from tower_animatic.setting_parts import Drift, Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.66
_LAMP = parse_colour("ffb65c")


def paint(stage: Stage) -> PaintedScene:
    rng = stage.rng("shrine")
    side = 1 if rng.random() < 0.5 else -1
    gate = 0.5 + 0.04 * side
    light = (gate + 0.035 * side, 0.30 if stage.setting.hour is Hour.NIGHT else 0.40)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.7),
        heavens.paint_streaks(stage, top=0.0, bottom=0.4, amount=0.5),
        *(
            [heavens.paint_sun(stage, *light, radius=0.075)]
            if stage.setting.weather in (Weather.CLEAR, Weather.SNOW)
            else []
        ),
        heavens.paint_cloud_bank(stage, "shrine", base=HORIZON - 0.10, height=0.16, depth=0.06),
        paint_mountains(
            stage,
            "far",
            depth=0.14,
            crest=0.40,
            base=HORIZON,
            rock=parse_colour("6a7fa8"),
            peaks=2.0,
            snow=0.6,
            mist=0.9,
        ),
        paint_mountains(
            stage, "near", depth=0.24, crest=0.52, base=HORIZON + 0.03, rock=parse_colour("54786f"), peaks=3.0, mist=0.9
        ),
        _village(stage),
        _cedars(stage, gate, depth=0.36, trees=9, rise=0.26),
        _terrace(stage, gate),
        _cedars(stage, gate, depth=0.55, trees=4, rise=0.44),
        paint_torii(stage, gate),
        *_lanterns(stage, gate),
    ]
    return PaintedScene(tuple(back), (*_blossom(stage, -side),), Light(*light, stage.palette.glow), floor=0.93)


def _dark(stage: Stage) -> bool:
    return stage.setting.hour is not Hour.DAY


def _village(stage: Stage) -> Layer:
    """Tiled roofs with lit windows in the valley."""
    rng = stage.rng("village")
    canvas = Canvas(stage, depth=0.28)
    paint_hill(
        canvas,
        np.stack([canvas.across(5), HORIZON + np.array([0.01, 0.0, 0.008, 0.0, 0.01])], 1),
        stage.palette.shade_surface(parse_colour("5f8757"), 0.4),
        stage.palette.shade_surface(parse_colour("4b7050"), 0.6),
    )
    for x in canvas.across(17) + rng.normal(0, 0.012, 17):
        _house(canvas, (x, HORIZON + rng.uniform(0.005, 0.04)), rng)
    canvas.add_mist(HORIZON - 0.06, HORIZON + 0.10, 0.5)
    return Layer(canvas)


def _house(canvas: Canvas, place: tuple[float, float], rng: np.random.Generator) -> None:
    palette = canvas.stage.palette
    w, h = rng.uniform(0.035, 0.06), rng.uniform(0.022, 0.03)
    wall, roof = (
        palette.shade_surface(parse_colour("d8c8b0"), 0.5, sunny=0.3),
        palette.shade_surface(parse_colour("4a5570"), 0.5),
    )
    polygon(canvas.image, canvas.shape(*place, [(-w, -h), (w, -h), (w, 0.004), (-w, 0.004)]), opaque(wall))
    eaves = curve([(-w * 1.3, -h + 0.004), (-w * 0.8, -h - 0.012), (-w * 0.45, -h * 2.0)], 4)
    polygon(canvas.image, canvas.shape(*place, np.vstack([eaves, (eaves * (-1, 1))[::-1]])), opaque(roof))
    polygon(
        canvas.image,
        canvas.shape(*place, [(-w * 0.5, -h * 2.1), (w * 0.5, -h * 2.1), (w * 0.45, -h * 1.9), (-w * 0.45, -h * 1.9)]),
        opaque(mix_colours(roof, palette.light, 0.3)),
    )
    if _dark(canvas.stage):
        for dx in (-0.5, 0.25):
            polygon(
                canvas.image,
                canvas.shape(
                    *place,
                    [(w * dx, -h * 0.8), (w * (dx + 0.35), -h * 0.8), (w * (dx + 0.35), -h * 0.2), (w * dx, -h * 0.2)],
                ),
                opaque(mix_colours(wall, _LAMP, 0.85)),
            )


def _cedars(stage: Stage, gate: float, *, depth: float, trees: int, rise: float) -> Layer:
    """Tall conifers left and right of the way."""
    rng = stage.rng(f"cedars {depth}")
    canvas = Canvas(stage, depth)
    base = parse_colour("dbe4e8") if stage.setting.weather is Weather.SNOW else parse_colour("3f6f58")
    tones = plant_tones(canvas, base, sunny=0.5)
    foot = HORIZON + 0.04 + 0.10 * depth
    for x in np.sort(canvas.across(trees) + rng.normal(0, 0.3 / trees, trees)):
        if abs(x - gate) < 0.10 + 0.28 * depth:
            continue
        tall = rise * rng.uniform(0.75, 1.2)
        for k in range(15):
            t = k / 14
            width = tall * (0.012 + 0.20 * t) * (0.85 + 0.3 * (k % 2))
            y = foot - (tall * (1 - t) + 0.01) * stage.unit / stage.height
            paint_foliage(
                canvas, (x, y), (width, tall * 0.045), tones, rng, leaf=0.006 + 0.006 * depth, count=int(26 + 80 * t)
            )
    canvas.add_mist(HORIZON - 0.16, HORIZON + 0.12, 0.75 * (1 - depth))
    return Layer(canvas)


def _terrace(stage: Stage, gate: float) -> Layer:
    """Grass, and the paved way with steps up to the gate."""
    rng = stage.rng("terrace")
    canvas = Canvas(stage, depth=0.6)
    snow = stage.setting.weather is Weather.SNOW
    green = parse_colour("d5dee6") if snow else parse_colour("5c8a4a")
    tones = plant_tones(canvas, green, sunny=0.6)
    xs = canvas.across(7)
    line = paint_hill(
        canvas,
        np.stack([xs, 0.735 - 0.02 * np.cos(4 * (xs - gate))], 1),
        tones[1],
        mix_colours(tones[0], stage.palette.ink, 0.35),
    )
    paint_meadow(canvas, line, tones, rng, blade=0.022, count=700)
    stone = stage.palette.shade_surface(parse_colour("b9b3ab") if not snow else parse_colour("e8eef2"), 0.9, sunny=0.3)
    narrow = stage.unit / stage.width
    steps = 11
    for k in range(steps):
        t0, t1 = k / steps, (k + 1) / steps
        y0, y1 = 0.722 + (canvas.bottom + 0.02 - 0.722) * t0**1.5, 0.722 + (canvas.bottom + 0.02 - 0.722) * t1**1.5
        half0, half1 = narrow * (0.115 + 0.24 * t0**1.3), narrow * (0.115 + 0.24 * t1**1.3)
        tread, riser = (
            mix_colours(stone, stage.palette.glow, 0.30 * (1 - t0)),
            mix_colours(stone, stage.palette.ink, 0.40 + 0.1 * t0),
        )
        middle = y0 + (y1 - y0) * 0.55
        polygon(
            canvas.image,
            canvas.points([(gate - half0, y0), (gate + half0, y0), (gate + half1, middle), (gate - half1, middle)]),
            opaque(tread),
        )
        polygon(
            canvas.image,
            canvas.points([(gate - half1, middle), (gate + half1, middle), (gate + half1, y1), (gate - half1, y1)]),
            opaque(riser),
        )
    for sign in (-1, 1):
        edge = np.array([(gate + sign * narrow * 0.125, 0.735), (gate + sign * narrow * 0.37, canvas.bottom)])
        paint_meadow(canvas, edge, tones, rng, blade=0.03, count=120)
    return Layer(canvas)


def _lanterns(stage: Stage, gate: float) -> list[Element]:
    """Stone lanterns beside the steps, lit unless it is day."""
    picture, shine = Canvas(stage, depth=0.8), Canvas(stage, depth=0.8, scale=0.25)
    narrow = stage.unit / stage.width
    for side in (-1, 1):
        for offset, y, size in ((0.255, 0.80, 0.75), (0.40, 0.93, 1.25)):
            _lantern((picture, shine), (gate + side * offset * narrow, y), size)
    shine.image = soften(shine.image, 0.035 * shine.unit)
    shine.image[..., 3] = 0
    return [Layer(picture), Glow(shine, slow_pulse(2.3, 0.85))] if _dark(stage) else [Layer(picture)]


def _lantern(sheets: tuple[Canvas, Canvas], place: tuple[float, float], size: float) -> None:
    picture, shine = sheets
    palette = picture.stage.palette
    stone, dark = (
        palette.shade_surface(parse_colour("98958f"), 1.0, sunny=0.15),
        palette.shade_surface(parse_colour("5d5b60"), 1.0),
    )
    parts = [
        ([(-0.045, 0), (0.045, 0), (0.035, -0.022), (-0.035, -0.022)], dark),
        ([(-0.016, -0.02), (0.016, -0.02), (0.013, -0.105), (-0.013, -0.105)], stone),
        ([(-0.034, -0.118), (0.034, -0.118), (0.022, -0.10), (-0.022, -0.10)], dark),
        ([(-0.026, -0.165), (0.026, -0.165), (0.026, -0.118), (-0.026, -0.118)], stone),
        (
            outline("""-0.055,-0.16 -0.042,-0.172 -0.012,-0.192 0.012,-0.192 0.042,-0.172 0.055,-0.16"""),
            dark,
        ),
        ([(-0.008, -0.19), (0.0, -0.212), (0.008, -0.19)], dark),
    ]
    for points, paint in parts:
        polygon(picture.image, picture.shape(*place, np.array(points) * size), opaque(paint))
    flame = mix_colours(_LAMP, (235, 250, 255), 0.35) if _dark(picture.stage) else dark
    polygon(
        picture.image,
        picture.shape(*place, np.array([(-0.017, -0.157), (0.017, -0.157), (0.017, -0.125), (-0.017, -0.125)]) * size),
        opaque(flame),
    )
    disc(shine.image, shine.shape(*place, [(0, -0.14 * size)])[0], 0.055 * size * shine.unit, brighten(_LAMP, 0.75))


def _blossom(stage: Stage, side: int) -> list[Element]:
    """A branch that hangs into the picture: cherry, or as the season requires."""
    rng = stage.rng("blossom")
    canvas = Canvas(stage, depth=1.15)
    palette = stage.palette
    base = {Drift.PETALS: parse_colour("f7a8c4"), Drift.LEAVES: parse_colour("d8622e")}.get(
        stage.setting.drift, parse_colour("5f9a52")
    )
    if stage.setting.weather is Weather.SNOW:
        base = parse_colour("e6eef5")
    tones = [
        mix_colours(palette.shade_surface(mix_colours(base, parse_colour("a8487c"), 0.35), 1.0), palette.ink, 0.15),
        palette.shade_surface(base, 1.0, sunny=0.5),
        palette.shade_surface(mix_colours(base, (255, 250, 255), 0.45), 1.0, sunny=0.95),
    ]
    bark = mix_colours(palette.ink, palette.shade_surface(parse_colour("5a3d3a"), 1.0), 0.4)
    edge = canvas.left - 0.02 if side < 0 else canvas.right + 0.02
    narrow = stage.unit / stage.width
    for y, reach, drop in ((-0.02, 0.58, 0.17), (0.10, 0.42, 0.15), (0.02, 0.34, 0.02)):
        spine = curve(
            [
                (edge, y),
                (edge - side * reach * 0.4 * narrow, y + drop * 0.15),
                (edge - side * reach * 0.75 * narrow, y + drop * 0.55),
                (edge - side * reach * narrow, y + drop),
            ],
            10,
        )
        width = np.linspace(0.016, 0.002, len(spine))[:, None] * np.array([[0.0, 1.0]])
        polygon(canvas.image, canvas.points(np.vstack([spine - width, (spine + width)[::-1]])), opaque(bark))
        for k in range(4, len(spine), 2):
            x, at = spine[k] + rng.normal(0, 0.016, 2)
            paint_foliage(canvas, (float(x), float(at)), (0.052, 0.036), tones, rng, leaf=0.0085, count=85)
    return [SwayingSheet(canvas, roots=-0.05, tips=0.35, reach=0.008, period_s=3.6)]
