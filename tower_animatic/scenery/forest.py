"""A glade: layered trunks in the mist, a path into the light, shafts of sun, ferns in front."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Halo, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import Colour, brighten, curve, mix_colours, opaque, parse_colour, polygon, smoothstep, soften
from tower_animatic.scenery import heavens
from tower_animatic.scenery.plants import paint_fern, paint_foliage, paint_hill, paint_meadow, paint_trunk, plant_tones
from tower_animatic.setting_parts import Drift, Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.64


def paint(stage: Stage) -> PaintedScene:
    rng = stage.rng("forest")
    glade = 0.5 + 0.09 * rng.uniform(-1, 1)
    leaf = _leaf_colour(stage)
    back: list[Element] = [heavens.paint_sky(stage, horizon=0.9, glow_at=(glade, 0.40), glow=0.9, halo=False)]
    if stage.setting.hour is Hour.NIGHT:
        back.append(heavens.paint_sun(stage, glade + 0.1, 0.22, radius=0.06))
    back += [_wood(stage, glade, leaf, depth=0.14, trees=22, width=0.022, foot=HORIZON - 0.01)]
    back += [_wood(stage, glade, leaf, depth=0.26, trees=14, width=0.034, foot=HORIZON + 0.015)]
    back += [_ground(stage, glade, leaf)]
    back += [_wood(stage, glade, leaf, depth=0.48, trees=8, width=0.06, foot=HORIZON + 0.07, clearing=0.20)]
    back += [_shafts(stage, glade)]
    back += [_wood(stage, glade, leaf, depth=0.80, trees=4, width=0.12, foot=HORIZON + 0.20, clearing=0.36)]
    light = Light(glade, 0.25, stage.palette.glow)
    return PaintedScene(tuple(back), (_foreground(stage, leaf),), light, floor=0.92)


def _leaf_colour(stage: Stage) -> Colour:
    if stage.setting.drift is Drift.LEAVES:
        return parse_colour("c8702e")
    if stage.setting.weather is Weather.SNOW:
        return parse_colour("9db4b8")
    return parse_colour("4d9440") if stage.setting.hour is not Hour.NIGHT else parse_colour("2f8f7c")


def _wood(
    stage: Stage,
    glade: float,
    leaf: Colour,
    *,
    depth: float,
    trees: int,
    width: float,
    foot: float,
    clearing: float = 0.08,
) -> Layer:
    """One row of trees with undergrowth and canopy. The path to the glade stays open."""
    rng = stage.rng(f"wood {depth}")
    canvas = Canvas(stage, depth)
    bark = [stage.palette.shade_surface(c, depth) for c in (parse_colour("39413f"), parse_colour("6d6a58"))]
    tones = [
        mix_colours(bark[0], stage.palette.ink, 0.45 * depth),
        bark[1],
        mix_colours(bark[1], stage.palette.glow, 0.75),
    ]
    green = plant_tones(canvas, leaf, sunny=0.9)
    for x in canvas.across(trees) + rng.normal(0, 0.35 / trees, trees):
        aside = clearing + 0.03 + 0.1 * rng.random()
        place = x if abs(x - glade) > clearing else glade + np.copysign(aside, x - glade)
        paint_trunk(
            canvas,
            (place, foot + rng.normal(0, 0.008)),
            width * rng.uniform(0.6, 1.15),
            tones,
            rng,
            lit_side=1 if place < glade else -1,
        )
    for x in canvas.across(7) + rng.normal(0, 0.04, 7):
        drop = 0.07 + 0.13 * min(1.0, abs(x - glade) * 2)
        paint_foliage(
            canvas,
            (x, drop * rng.uniform(-0.2, 0.8)),
            (0.17, drop),
            green,
            rng,
            leaf=0.010 + 0.012 * depth,
            count=int(330 - 200 * depth),
        )
    _undergrowth(canvas, glade, foot, green, rng, clearing=clearing)
    canvas.add_mist(0.15, foot + 0.06, 0.85 * (1 - depth) ** 1.5)
    return Layer(canvas)


def _undergrowth(
    canvas: Canvas, glade: float, foot: float, tones: list[Colour], rng: np.random.Generator, *, clearing: float
) -> None:
    depth = canvas.depth
    for x in np.concatenate([canvas.across(9) + rng.normal(0, 0.03, 9)]):
        if abs(x - glade) > clearing:
            size = (0.10 + 0.05 * depth) * rng.uniform(0.7, 1.2)
            paint_foliage(
                canvas, (x, foot + 0.03), (size, 0.45 * size), tones[:2], rng, leaf=0.006 + 0.012 * depth, count=130
            )
    for side, start, end in ((-1, canvas.left, glade - clearing), (1, glade + clearing, canvas.right)):
        edge = np.array([(start, foot + 0.05 + 0.04 * (side < 0)), (end, foot + 0.05 + 0.04 * (side > 0))])
        paint_meadow(canvas, edge, tones, rng, blade=0.05 + 0.08 * depth, count=int(260 - 100 * depth))


def _ground(stage: Stage, glade: float, leaf: Colour) -> Layer:
    """The forest floor with a bright path that winds into the glade."""
    rng = stage.rng("ground")
    canvas = Canvas(stage, depth=0.55)
    palette = stage.palette
    far, near = (
        mix_colours(palette.haze, palette.shade_surface(leaf, 0.4, sunny=0.8), 0.6),
        mix_colours(palette.shade_surface(leaf, 0.9), palette.ink, 0.55),
    )
    line = np.array([(canvas.left, HORIZON), (0.3, HORIZON + 0.012), (0.7, HORIZON), (canvas.right, HORIZON + 0.008)])
    paint_hill(canvas, line, far, near)
    ys = np.linspace(HORIZON + 0.005, canvas.bottom, 9)
    t = (ys - ys[0]) / (ys[-1] - ys[0])
    middle = glade + 0.05 * np.sin(t * 5.5) * (0.3 + t)
    half = 0.010 + 0.17 * t**1.4
    sides = [np.stack([middle + s * half * (1 + 0.12 * rng.normal(size=9)), ys], 1) for s in (-1, 1)]
    path = np.vstack([curve(sides[0], 6), curve(sides[1], 6)[::-1]])
    polygon(canvas.image, canvas.points(path), opaque(mix_colours(palette.glow, far, 0.42)))
    shade = np.clip((canvas.rows() - HORIZON - 0.02) / 0.30, 0, 1) ** 0.8 * 0.72
    dim = canvas.image.astype(np.float32) * (1 - shade)[:, None, None] + np.asarray(opaque(near)) * shade[
        :, None, None
    ] * (canvas.image[..., 3:] / 255)
    canvas.image = np.minimum(dim + 0.5, 255).astype(np.uint8)
    canvas.image[canvas.image[..., 3] > 252] |= np.array([0, 0, 0, 255], np.uint8)
    for side in sides:
        for (x, y), share in zip(curve(side, 4)[6:], np.linspace(0.15, 1, 27), strict=True):
            tuft = 0.010 + 0.03 * share
            tones = [mix_colours(near, far, 0.55 * (1 - share)), mix_colours(near, far, 0.10 + 0.6 * (1 - share))]
            if rng.random() < 0.6:
                paint_foliage(
                    canvas,
                    (float(x), float(y) + 0.5 * tuft),
                    (tuft * 1.7, tuft * 0.5),
                    tones,
                    rng,
                    leaf=0.004 + 0.007 * share,
                    count=26,
                )
    return Layer(canvas)


def _shafts(stage: Stage, glade: float) -> Halo:
    """Beams of light through the leaves, each with its own pulse."""
    rng = stage.rng("shafts")
    strength = {Hour.NIGHT: 0.15, Hour.SUNSET: 0.26}.get(stage.setting.hour, 0.22)
    if stage.setting.weather is not Weather.CLEAR:
        strength *= 0.5
    beams = []
    for number, depth in enumerate((0.25, 0.35, 0.55, 0.7)):
        canvas = Canvas(stage, depth, scale=0.25)
        for _ in range(2):
            top, spread = glade + rng.uniform(-0.30, 0.34), rng.uniform(0.012, 0.05)
            slant = (top - glade) * 0.5 - 0.16
            beam = [
                (top - spread * 0.5, -0.15),
                (top + spread * 0.5, -0.15),
                (top + slant + spread * 1.8, 0.86),
                (top + slant - spread * 1.8, 0.86),
            ]
            sheet = np.zeros_like(canvas.image)
            polygon(sheet, canvas.points(beam), brighten(stage.palette.glow, strength * rng.uniform(0.5, 1.0)))
            canvas.image = np.maximum(canvas.image, sheet)
        fade = 1 - 0.85 * smoothstep(0.25, 0.88, canvas.rows())
        canvas.image = (soften(canvas.image, 0.012 * canvas.unit) * fade[:, None, None]).astype(np.uint8)
        canvas.image[..., 3] = 0
        beams.append((canvas, slow_pulse(3.4 + 0.7 * number, 0.5, phase=1.7 * number)))
    return Halo(*beams)


def _foreground(stage: Stage, leaf: Colour) -> Layer:
    """Dark ferns and leaves close to the lens, out of focus."""
    rng = stage.rng("front")
    canvas = Canvas(stage, depth=1.45, scale=0.5)
    ink = mix_colours(stage.palette.ink, stage.palette.shade_surface(leaf, 1.0), 0.16)
    tones = [ink, mix_colours(ink, stage.palette.shade_surface(leaf, 1.0), 0.25)]
    for x in (canvas.left + 0.02, canvas.left + 0.14, canvas.right - 0.12, canvas.right - 0.01):
        paint_fern(canvas, (x, canvas.bottom + 0.01), 0.30 * rng.uniform(0.8, 1.25), tones, rng)
    for x, y in ((canvas.left + 0.01, canvas.point(0, 0)[1] * 0), (canvas.right - 0.02, 0.0)):
        paint_foliage(canvas, (x, y - 0.03), (0.26, 0.20), tones, rng, leaf=0.030, count=150)
    canvas.image = soften(canvas.image, 0.0045 * canvas.unit)
    return Layer(canvas)
