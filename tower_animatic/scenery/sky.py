"""The wide sky: a tower of cloud, mountains over a sea of mist, a grassy ridge in the wind."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Light, PaintedScene
from tower_animatic.paint import mix_colours, parse_colour, translate
from tower_animatic.scenery import heavens
from tower_animatic.scenery.plants import paint_hill, paint_meadow, plant_tones
from tower_animatic.scenery.terrain import Birds, SwayingSheet, paint_mountains
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage


def paint(stage: Stage) -> PaintedScene:
    rng = stage.rng("sky")
    side = 1 if rng.random() < 0.5 else -1
    light = (0.5 - 0.24 * side, 0.24 if stage.setting.hour in (Hour.DAY, Hour.NIGHT) else 0.52)
    heap = heavens.paint_cumulus(stage, "tower", x=0.5 + 0.22 * side, base=0.70, width=0.95, height=0.58, depth=0.06)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=0.74, glow_at=light, glow=0.55),
        heavens.paint_streaks(stage, top=0.0, bottom=0.42, amount=0.6),
        *([heavens.paint_sun(stage, *light, radius=0.042)] if stage.setting.weather is not Weather.STORM else []),
        heavens.stack_sheets(heap),
        heavens.paint_cloud_bank(stage, "far", base=0.70, height=0.20, depth=0.09, heaps=7),
        paint_mountains(
            stage, "far", depth=0.16, crest=0.42, base=0.76, rock=parse_colour("6f86b0"), peaks=2.2, snow=1.0, mist=0.85
        ),
        paint_mountains(
            stage,
            "middle",
            depth=0.30,
            crest=0.56,
            base=0.82,
            rock=parse_colour("4f6d86"),
            peaks=3.1,
            snow=0.25,
            mist=0.85,
        ),
        heavens.paint_cloud_bank(stage, "sea", base=0.83, height=0.11, depth=0.40, heaps=8),
        paint_mountains(
            stage, "near", depth=0.55, crest=0.71, base=0.95, rock=parse_colour("3d5f56"), peaks=4.2, mist=0.55
        ),
        *([Birds(stage, place=(0.5 + 0.05 * side, 0.38), depth=0.3)] if stage.setting.weather is Weather.CLEAR else []),
        _ridge(stage, side),
    ]
    return PaintedScene(tuple(back), (_grass(stage),), Light(*light, stage.palette.glow), floor=0.885)


def _ridge(stage: Stage, side: int) -> SwayingSheet:
    """The near hill on which the figures stand."""
    rng = stage.rng("ridge")
    canvas = Canvas(stage, depth=0.95)
    base = parse_colour("a8b4bc") if stage.setting.weather is Weather.SNOW else parse_colour("5b9a45")
    tones = plant_tones(canvas, base, sunny=0.8)
    xs = canvas.across(6)
    ys = 0.87 + 0.03 * np.cos(3.0 * (xs - 0.5)) * -1 + 0.035 * side * (xs - 0.5) + 0.03
    line = paint_hill(canvas, np.stack([xs, ys], 1), tones[1], mix_colours(tones[0], stage.palette.ink, 0.5))
    sunny = [tones[1], tones[2], mix_colours(tones[2], stage.palette.glow, 0.35)]
    paint_meadow(canvas, line, sunny, rng, blade=0.035, count=900)
    for row in range(1, 5):
        shaded = [mix_colours(tone, mix_colours(tones[0], stage.palette.ink, 0.25), 0.22 * row) for tone in sunny]
        paint_meadow(canvas, translate(line, 0, 0.026 * row), shaded, rng, blade=0.05, count=420)
    return SwayingSheet(canvas, roots=0.97, tips=0.82, reach=0.006)


def _grass(stage: Stage) -> SwayingSheet:
    """Tall blades close to the lens."""
    rng = stage.rng("grass")
    canvas = Canvas(stage, depth=1.4, scale=0.5)
    tones = [
        mix_colours(stage.palette.ink, tone, 0.35) for tone in plant_tones(canvas, parse_colour("4c7f3c"), sunny=0.5)
    ]
    for start, end in ((canvas.left, 0.26), (0.74, canvas.right)):
        edge = np.array([(start, canvas.bottom + 0.02), (end, canvas.bottom + 0.03)])
        paint_meadow(canvas, edge, tones, rng, blade=0.24, count=90)
    return SwayingSheet(canvas, roots=1.03, tips=0.78, reach=0.02, period_s=2.6)
