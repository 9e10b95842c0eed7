"""The plain stage of a prompt that names no place: paper in the light of the hour, a horizon, a ruled floor."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Layer, Light, PaintedScene
from tower_animatic.paint import apply_light, mix_colours, noise, opaque, parse_colour, stroke
from tower_animatic.scenery import heavens
from tower_animatic.scenery.plants import paint_hill
from tower_animatic.setting_parts import Hour
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.66
_PAPER = parse_colour("f1e9da")


def paint(stage: Stage) -> PaintedScene:
    side = 1 if stage.rng("plain").random() < 0.5 else -1
    light = (0.5 + 0.2 * side, 0.25)
    back = (
        heavens.paint_sky(stage, horizon=HORIZON, glow_at=light, glow=0.35, halo=False),
        _paper(stage),
        _floor(stage, vanish=0.5 + 0.06 * side),
    )
    return PaintedScene(back, (), Light(*light, stage.palette.glow), floor=0.92)


def _paper(stage: Stage) -> Layer:
    """A translucent sheet with fibres over the colours of the sky."""
    canvas = Canvas(stage, depth=0.08, scale=min(1.0, 720 / stage.height))
    rng = stage.rng("paper sheet")
    fibre = noise(rng, canvas.image.shape[:2], cells=5, octaves=6) - 0.5
    cover = (0.30 if stage.setting.hour is Hour.NIGHT else 0.62) + 0.10 * fibre
    tone = np.asarray(apply_light(_PAPER, stage.palette.light), np.float32) * (1 + 0.10 * fibre[..., None])
    canvas.image[..., :3] = np.clip(tone * cover[..., None], 0, 255).astype(np.uint8)
    canvas.image[..., 3] = (255 * cover).astype(np.uint8)
    return Layer(canvas)


def _floor(stage: Stage, *, vanish: float) -> Layer:
    """A floor with pencil lines that run to one point, and a pencil line as the horizon."""
    canvas = Canvas(stage, depth=0.7)
    palette = stage.palette
    paper = apply_light(_PAPER, mix_colours(palette.shade, palette.light, 0.55))
    xs = canvas.across(7)
    line = np.stack([xs, np.full(7, HORIZON)], 1)
    paint_hill(canvas, line, mix_colours(paper, palette.haze, 0.25), mix_colours(paper, palette.ink, 0.22))
    pencil = mix_colours(paper, palette.ink, 0.42)
    stroke(canvas.image, canvas.points(line), opaque(pencil), round(0.003 * canvas.unit))
    faint = opaque(mix_colours(paper, palette.ink, 0.24))
    for k in range(-9, 10):
        ends = [(vanish + 0.05 * k, HORIZON + 0.004), (vanish + 0.36 * k, canvas.bottom)]
        stroke(canvas.image, canvas.points(ends), faint, round(0.0015 * canvas.unit))
    for k in range(1, 6):
        y = HORIZON + (canvas.bottom - HORIZON) * (k / 5) ** 2
        stroke(canvas.image, canvas.points([(canvas.left, y), (canvas.right, y)]), faint, round(0.0015 * canvas.unit))
    return Layer(canvas)
