"""A meadow: soft hills, a lone tree, flowers in the grass."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Layer, Light, PaintedScene
from tower_animatic.paint import Colour, disc, mix_colours, opaque, parse_colour, translate
from tower_animatic.scenery import heavens
from tower_animatic.scenery.plants import paint_foliage, paint_hill, paint_meadow, paint_trunk, plant_tones
from tower_animatic.scenery.terrain import Birds, SwayingSheet, paint_mountains
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.66
_CROWN = ((-0.10, -0.24, 0.11), (0.10, -0.24, 0.11), (0, -0.34, 0.13), (0, -0.24, 0.13), (0.05, -0.3, 0.1))
"""The clouds of leaves of the tree: place from its foot, and size, in units."""
_FLOWERS = tuple(parse_colour(code) for code in ("fff4f0", "ffd84a", "f08aa8", "b48ae8"))


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("meadow").random() < 0.5 else -1
    low = stage.setting.hour in (Hour.SUNSET, Hour.DAWN)
    light = (0.5 + 0.24 * side, HORIZON - 0.14 if low else 0.2)
    heap = heavens.paint_cumulus(stage, "meadow", x=0.5 - 0.2 * side, base=0.56, width=0.7, height=0.30, depth=0.05)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.5),
        heavens.paint_streaks(stage, top=0.0, bottom=0.4, amount=0.5),
        *([heavens.paint_sun(stage, *light, radius=0.042)] if stage.setting.weather is not Weather.STORM else []),
        heavens.stack_sheets(heap),
        paint_mountains(
            stage, "blue", depth=0.12, crest=0.56, base=HORIZON + 0.02, rock=parse_colour("6f8fb0"), peaks=2.4, mist=0.8
        ),
        paint_green_hill(stage, "far", depth=0.25, crest=HORIZON - 0.03, bend=0.02),
        paint_green_hill(stage, "middle", depth=0.42, crest=HORIZON + 0.01, bend=-0.025),
        _lone_tree(stage, 0.5 - 0.27 * side),
        *([Birds(stage, place=(0.5, 0.3), depth=0.3)] if stage.setting.weather is Weather.CLEAR else []),
        _near_meadow(stage),
    ]
    return PaintedScene(tuple(back), (_flowers_in_front(stage),), Light(*light, stage.palette.glow), floor=0.90)


def paint_green_hill(stage: Stage, label: str, *, depth: float, crest: float, bend: float) -> Layer:
    """A grassy hill with a row of bushes along its top."""
    rng = stage.rng(f"hill {label}")
    canvas = Canvas(stage, depth)
    tones = plant_tones(canvas, grass_colour(stage), sunny=0.9)
    xs = canvas.across(6)
    line = paint_hill(
        canvas,
        np.stack([xs, crest + bend * np.cos(4 * xs + depth * 9)], 1),
        tones[2],
        mix_colours(tones[0], tones[1], 0.6),
    )
    bushes = plant_tones(canvas, mix_colours(grass_colour(stage), stage.palette.ink, 0.12), sunny=1.0)
    for x, y in line[::3]:
        if rng.random() < 0.45:
            size = 0.02 + 0.03 * depth * rng.random()
            paint_foliage(canvas, (float(x), float(y)), (size * 1.6, size), bushes, rng, leaf=0.004, count=50)
    canvas.add_mist(crest - 0.05, crest + 0.12, 0.55 * (1 - depth))
    return Layer(canvas)


def grass_colour(stage: Stage) -> Colour:
    if stage.setting.weather is Weather.SNOW:
        return parse_colour("c6d4dc")
    return parse_colour("7fae4c") if stage.setting.hour is not Hour.NIGHT else parse_colour("4f8f6c")


def _lone_tree(stage: Stage, x: float) -> SwayingSheet:
    rng = stage.rng("lone tree")
    canvas = Canvas(stage, depth=0.6)
    tones = plant_tones(canvas, mix_colours(grass_colour(stage), parse_colour("2f6a3c"), 0.5), sunny=0.9)
    foot = (x, HORIZON + 0.10)
    bark = [mix_colours(parse_colour("5a4a3c"), stage.palette.ink, 0.3)] * 3
    trunk = Canvas(stage, depth=0.6)
    paint_trunk(trunk, foot, 0.05, bark, rng)
    trunk.image[: int(trunk.point(0, HORIZON - 0.10)[1])] = 0
    canvas.image = trunk.image
    for dx, dy, size in _CROWN:
        centre = (x + dx * stage.unit / stage.width, foot[1] + dy * stage.unit / stage.height)
        paint_foliage(canvas, centre, (size, 0.8 * size), tones, rng, leaf=0.011, count=240)
    return SwayingSheet(canvas, roots=HORIZON, tips=HORIZON - 0.4, reach=0.004)


def _near_meadow(stage: Stage) -> SwayingSheet:
    rng = stage.rng("near meadow")
    canvas = Canvas(stage, depth=0.95)
    tones = plant_tones(canvas, grass_colour(stage), sunny=0.8)
    xs = canvas.across(6)
    line = paint_hill(
        canvas,
        np.stack([xs, 0.77 + 0.015 * np.sin(5 * xs)], 1),
        tones[1],
        mix_colours(tones[0], stage.palette.ink, 0.4),
    )
    for row in range(6):
        shade = [mix_colours(tone, mix_colours(tones[0], stage.palette.ink, 0.25), 0.13 * row) for tone in tones[1:]]
        paint_meadow(canvas, translate(line, 0, 0.035 * row), shade, rng, blade=0.03 + 0.006 * row, count=420)
        _strew_flowers(canvas, translate(line, 0, 0.035 * row), rng, size=0.003 + 0.0008 * row, count=46)
    return SwayingSheet(canvas, roots=1.0, tips=0.72, reach=0.006)


def _flowers_in_front(stage: Stage) -> SwayingSheet:
    rng = stage.rng("front flowers")
    canvas = Canvas(stage, depth=1.4, scale=0.5)
    tones = [mix_colours(stage.palette.ink, tone, 0.5) for tone in plant_tones(canvas, grass_colour(stage), sunny=0.6)]
    for start, end in ((canvas.left, 0.26), (0.74, canvas.right)):
        edge = np.array([(start, canvas.bottom + 0.02), (end, canvas.bottom + 0.03)])
        paint_meadow(canvas, edge, tones, rng, blade=0.2, count=80)
        _strew_flowers(canvas, translate(edge, 0, -0.13), rng, size=0.009, count=16)
    return SwayingSheet(canvas, roots=1.03, tips=0.80, reach=0.02, period_s=2.7)


def _strew_flowers(canvas: Canvas, line: np.ndarray, rng: np.random.Generator, *, size: float, count: int) -> None:
    at = np.linspace(0, 1, len(line))
    for t in rng.random(count):
        x, y = float(np.interp(t, at, line[:, 0])), float(np.interp(t, at, line[:, 1])) + rng.uniform(-0.02, 0.03)
        paint = canvas.stage.palette.shade_surface(_FLOWERS[int(rng.integers(len(_FLOWERS)))], 1.0, sunny=0.7)
        for turn in range(5):
            petal = (0.8 * size * np.cos(1.257 * turn), 0.7 * size * np.sin(1.257 * turn))
            disc(canvas.image, canvas.shape(x, y, [petal])[0], 0.55 * size * canvas.unit, opaque(paint))
        disc(
            canvas.image, canvas.point(x, y), 0.4 * size * canvas.unit, opaque(mix_colours(paint, (60, 190, 250), 0.7))
        )
