"""A village in the country: houses with gardens along a lane, paddies, wooded hills."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Layer, Light, PaintedScene
from tower_animatic.paint import curve, mix_colours, opaque, outline, parse_colour, polygon, stroke
from tower_animatic.scenery import heavens
from tower_animatic.scenery.meadow import grass_colour, paint_green_hill
from tower_animatic.scenery.plants import paint_foliage, paint_hill, paint_meadow, plant_tones
from tower_animatic.scenery.terrain import Birds, paint_mountains
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.62
_LAMP = parse_colour("ffd088")
_ROOF = outline("-1.35,-0.62 -1.1,-0.72 -0.55,-1.32 0.55,-1.32 1.1,-0.72 1.35,-0.62")
_ROOFS = tuple(parse_colour(code) for code in ("5a6478", "7a5648", "4f6a6a", "8a7a58"))


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("village side").random() < 0.5 else -1
    low = stage.setting.hour in (Hour.SUNSET, Hour.DAWN)
    light = (0.5 + 0.22 * side, HORIZON - 0.14 if low else 0.18)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.5),
        heavens.paint_streaks(stage, top=0.0, bottom=0.4, amount=0.45),
        *([heavens.paint_sun(stage, *light, radius=0.042)] if stage.setting.weather is not Weather.STORM else []),
        paint_mountains(
            stage,
            "wooded",
            depth=0.14,
            crest=0.36,
            base=HORIZON + 0.02,
            rock=parse_colour("5f8478"),
            peaks=2.2,
            mist=0.8,
        ),
        paint_green_hill(stage, "behind", depth=0.26, crest=HORIZON - 0.02, bend=0.02),
        *([Birds(stage, place=(0.5, 0.26), depth=0.3)] if stage.setting.weather is Weather.CLEAR else []),
        _houses(stage, "far", depth=0.34, foot=HORIZON + 0.04, size=0.040, count=11),
        _houses(stage, "near", depth=0.58, foot=HORIZON + 0.12, size=0.088, count=6),
        _lane(stage),
    ]
    return PaintedScene(tuple(back), (), Light(*light, stage.palette.glow), floor=0.92)


def _houses(stage: Stage, label: str, *, depth: float, foot: float, size: float, count: int) -> Layer:
    """Houses between bushes. The middle stays free for the lane."""
    rng = stage.rng(f"houses {label}")
    canvas = Canvas(stage, depth)
    green = plant_tones(canvas, mix_colours(grass_colour(stage), stage.palette.ink, 0.3), sunny=0.7)
    lawn = plant_tones(canvas, grass_colour(stage), sunny=0.8)
    edge = np.stack([canvas.across(5), np.full(5, foot - 0.012)], 1)
    paint_hill(canvas, edge, lawn[2], mix_colours(lawn[1], lawn[0], 0.5))
    for x in canvas.across(count) + rng.normal(0, 0.02, count):
        aside = max(abs(x - 0.5), 0.10 + 0.22 * depth)
        place = (float(0.5 + np.copysign(aside, x - 0.5)), foot + rng.uniform(0, 0.02))
        paint_foliage(
            canvas, (place[0] + 0.05, place[1] - 0.02), (size, size * 0.8), green, rng, leaf=0.10 * size, count=150
        )
        _house(canvas, place, size * rng.uniform(0.8, 1.15), rng)
        paint_foliage(
            canvas, (place[0] - 0.03, place[1]), (size * 0.7, size * 0.3), green, rng, leaf=0.09 * size, count=90
        )
    canvas.add_mist(foot - 0.14, foot + 0.05, 0.5 * (1 - depth))
    return Layer(canvas)


def _house(canvas: Canvas, place: tuple[float, float], size: float, rng: np.random.Generator) -> None:
    """A house with a hipped roof, a porch and two windows."""
    palette = canvas.stage.palette
    wall = palette.shade_surface(parse_colour("e2d2b8"), canvas.depth + 0.2, sunny=0.45)
    roof = palette.shade_surface(_ROOFS[int(rng.integers(len(_ROOFS)))], canvas.depth + 0.2, sunny=0.3)
    beam = mix_colours(wall, palette.ink, 0.6)

    def fill(points: np.ndarray | list[tuple[float, float]], paint: tuple[float, float, float]) -> None:
        polygon(canvas.image, canvas.shape(*place, np.asarray(points, np.float32) * size), opaque(paint))

    is_dark = canvas.stage.setting.hour is not Hour.DAY
    fill([(-1.05, 0.04), (-1.05, -0.66), (1.05, -0.66), (1.05, 0.04)], wall)
    fill([(0.2, 0.04), (0.2, -0.66), (1.05, -0.66), (1.05, 0.04)], mix_colours(wall, palette.shade, 0.25))
    glass = mix_colours(wall, _LAMP, 0.9) if is_dark else mix_colours(wall, palette.ink, 0.45)
    for left in (-0.85, -0.3, 0.55):
        fill([(left, -0.12), (left, -0.5), (left + 0.36, -0.5), (left + 0.36, -0.12)], glass)
        fill([(left + 0.16, -0.12), (left + 0.16, -0.5), (left + 0.2, -0.5), (left + 0.2, -0.12)], beam)
    fill([(0.12, 0.04), (0.12, -0.48), (0.44, -0.48), (0.44, 0.04)], beam)
    fill(_ROOF, roof)
    fill(
        [(0.1, -0.64), (0.45, -1.32), (0.55, -1.32), (1.1, -0.72), (1.35, -0.62)], mix_colours(roof, palette.ink, 0.25)
    )
    fill([(-0.62, -1.40), (0.62, -1.40), (0.58, -1.28), (-0.58, -1.28)], mix_colours(roof, palette.light, 0.3))


def _lane(stage: Stage) -> Layer:
    """The near ground: a winding lane between paddies that mirror the sky."""
    rng = stage.rng("lane")
    canvas = Canvas(stage, depth=0.9)
    tones = plant_tones(canvas, grass_colour(stage), sunny=0.8)
    top = HORIZON + 0.10
    edge = np.stack([canvas.across(5), np.full(5, top)], 1)
    paint_hill(canvas, edge, tones[2], mix_colours(tones[0], stage.palette.ink, 0.35))
    water = mix_colours(stage.palette.sky[2][1], tones[1], 0.25)
    for upper, lower in ((0.03, 0.075), (0.10, 0.19), (0.23, 0.40)):
        for sign in (-1, 1):
            inner, outer = 0.5 + sign * (0.09 + 0.55 * lower), 0.5 + sign * (0.55 + 1.2 * lower)
            field = [
                (inner - sign * 0.03, top + upper),
                (outer, top + upper),
                (outer, top + lower),
                (inner, top + lower),
            ]
            polygon(canvas.image, canvas.points(field), opaque(water))
            line = np.array([(min(inner, outer), top + lower), (max(inner, outer), top + lower)])
            paint_meadow(canvas, line, tones, rng, blade=0.02 + 0.07 * lower, count=130)
            for row in np.linspace(upper + 0.01, lower - 0.01, 3):
                shoots = np.array([(min(inner, outer), top + row), (max(inner, outer), top + row)])
                paint_meadow(canvas, shoots, tones[1:], rng, blade=0.008 + 0.04 * lower, count=60)
    share = np.linspace(0, 1, 8)
    middle, half = 0.5 + 0.03 * np.sin(4 * share), 0.018 + 0.13 * share**1.4
    ys = top + share * (canvas.bottom - top)
    way = np.vstack([curve(np.stack([middle - half, ys], 1), 5), curve(np.stack([middle + half, ys], 1), 5)[::-1]])
    earth = stage.palette.shade_surface(parse_colour("c9b088"), 0.95, sunny=0.6)
    if stage.setting.weather is Weather.SNOW:
        earth = stage.palette.shade_surface(parse_colour("e8eef4"), 0.95, sunny=0.6)
    polygon(canvas.image, canvas.points(way), opaque(earth))
    rut = opaque(mix_colours(earth, stage.palette.ink, 0.2))
    for offset in (-0.4, 0.4):
        track = curve(np.stack([middle + offset * half, ys], 1), 5)
        stroke(canvas.image, canvas.points(track), rut, round(0.004 * canvas.unit))
    return Layer(canvas)
