"""The desert: a low sun or a moon over rows of dunes, and a few stones."""

from __future__ import annotations

from tower_animatic.layers import Element, Layer, Light, PaintedScene
from tower_animatic.paint import mix_colours, parse_colour
from tower_animatic.scenery import heavens
from tower_animatic.scenery.ground import paint_dunes, paint_plain, paint_stones
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Stage

HORIZON = 0.62
_SAND = parse_colour("e6bf7e")


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("desert").random() < 0.5 else -1
    low = stage.setting.hour in (Hour.SUNSET, Hour.DAWN)
    light = (0.5 + 0.22 * side, HORIZON - 0.10 if low else 0.18)
    ground = paint_plain(stage, "sand", horizon=HORIZON + 0.17, ground=_SAND)
    paint_stones(ground, "sand", top=HORIZON + 0.2, rock=mix_colours(_SAND, (60, 70, 90), 0.5), side=side, count=9)
    rows: list[Element] = [
        paint_dunes(
            stage,
            f"row {number}",
            depth=depth,
            crest=HORIZON + drop,
            sand=_SAND,
            side=side,
            count=count,
            rise=rise,
        )
        for number, (depth, drop, count, rise) in enumerate(
            ((0.14, -0.05, 7, 0.06), (0.30, -0.03, 5, 0.10), (0.52, 0.02, 4, 0.14))
        )
    ]
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.6),
        heavens.paint_streaks(stage, top=0.0, bottom=0.4, amount=0.35),
        *([heavens.paint_sun(stage, *light, radius=0.05)] if stage.setting.weather is not Weather.STORM else []),
        *rows,
        Layer(ground),
    ]
    return PaintedScene(tuple(back), (), Light(*light, stage.palette.glow), floor=0.91)
