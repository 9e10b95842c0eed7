"""A street canyon between towers: lit windows, neon signs, a wet street that mirrors them."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from tower_animatic.layers import Element, Halo, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import (
    Colour,
    Pixels,
    brighten,
    disc,
    mix_colours,
    opaque,
    parse_colour,
    polygon,
    soften,
    stroke,
)
from tower_animatic.reflection import GroundReflection
from tower_animatic.scenery import heavens
from tower_animatic.scenery.buildings import paint_facade, paint_roof_clutter, paint_shop_front
from tower_animatic.scenery.neon import paint_signboard
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage

HORIZON = 0.665
NEON = tuple(parse_colour(code) for code in ("ff3d81", "2ff3ff", "ffc53d", "b86bff", "ff6a3d", "59ffb0"))


def paint(stage: Stage) -> PaintedScene:
    rng = stage.rng("city")
    vanish = 0.5 + 0.05 * rng.uniform(-1, 1)
    moon = (vanish + (0.2 if rng.random() < 0.5 else -0.2), 0.2)
    night = stage.setting.hour in (Hour.NIGHT, Hour.SUNSET)
    back: list[Element] = [heavens.paint_sky(stage, horizon=HORIZON, glow_at=(vanish, HORIZON), glow=0.75, halo=False)]
    if stage.setting.weather is Weather.CLEAR:
        back.append(heavens.paint_sun(stage, *moon, radius=0.055))
    back += [
        heavens.paint_cloud_bank(stage, "city", base=HORIZON - 0.06, height=0.36, depth=0.06),
        _skyline(stage, vanish, depth=0.10, reach=0.42, towers=26),
        _skyline(stage, vanish, depth=0.20, reach=0.60, towers=13),
        _street(stage),
    ]
    shine = [(_street_glow(stage, vanish), slow_pulse(5.0, 0.9))]
    for number, (gap, depth) in enumerate(((0.10, 0.34), (0.19, 0.50), (0.31, 0.72))):
        layer, signs = _houses(stage, vanish, number, gap=gap, depth=depth)
        back.append(layer)
        if night:
            shine.append((signs, slow_pulse(2.6 + number, 0.82, phase=float(number))))
    back.append(Halo(*shine))
    back.append(GroundReflection(stage, horizon=HORIZON + 0.012, depth=0.45, wet=0.62 if night else 0.25))
    back.append(_markings(stage, vanish))
    return PaintedScene(
        tuple(back), (_cables(stage),), Light(*moon, stage.palette.glow), floor=0.93, is_reflecting=night
    )


def _skyline(stage: Stage, vanish: float, *, depth: float, reach: float, towers: int) -> Layer:
    """Towers far away, higher towards the middle of the town."""
    rng = stage.rng(f"skyline {depth}")
    canvas = Canvas(stage, depth)
    base = canvas.point(0, HORIZON + 0.02)[1]
    wall = stage.palette.shade_surface(parse_colour("4a4a78"), depth * 1.6)
    for x in canvas.across(towers) + rng.normal(0, 0.012, towers):
        rise = reach * (0.30 + 0.70 * np.exp(-(((x - vanish) / 0.38) ** 2))) * rng.uniform(0.45, 1.0)
        width = canvas.unit * rng.uniform(0.05, 0.10) * (0.6 + 2 * depth)
        box = (canvas.point(x, 0)[0] - width / 2, base - rise * canvas.unit, canvas.point(x, 0)[0] + width / 2, base)
        paint_facade(
            canvas,
            box,
            mix_colours(wall, stage.palette.haze, rng.uniform(0, 0.25)),
            rng,
            lights=0.30,
            cell=0.011 + 0.02 * depth,
        )
        paint_roof_clutter(canvas, box, wall, rng)
    canvas.add_mist(HORIZON - reach * 0.8, HORIZON, 0.75)
    canvas.image[int(base) :] = opaque(stage.palette.haze)
    return Layer(canvas)


def _houses(stage: Stage, vanish: float, number: int, *, gap: float, depth: float) -> tuple[Layer, Canvas]:
    """The houses at one depth with their signs, and the light of the signs. Side walls run to the vanishing point."""
    rng = stage.rng(f"houses {number}")
    canvas, shine = Canvas(stage, depth), Canvas(stage, depth, scale=0.25)
    for side in (-1, 1):
        _row(canvas, rng, inner=vanish + side * gap, side=side, vanish=vanish)
    canvas.add_mist(HORIZON - 0.4, HORIZON + 0.05, 0.55 * (1 - depth))
    neons = rng.permutation(len(NEON))
    for side in (-1, 1):
        y = HORIZON - (0.30 + 0.34 * depth) * rng.uniform(0.85, 1.1)
        for k in range(3):
            neon = NEON[neons[(k + (side > 0) * 3) % len(NEON)]]
            if stage.setting.hour is Hour.DAY:
                neon = mix_colours(neon, stage.palette.shade, 0.35)
            place = (vanish + side * (gap + 0.004), y)
            y = 0.02 + paint_signboard((canvas, shine), place, side, low=HORIZON - 0.06, neon=neon, rng=rng)
    near, wide = soften(shine.image, 0.012 * shine.unit), soften(shine.image, 0.05 * shine.unit)
    shine.image = cv2.add(near, wide)
    shine.image[..., 3] = 0
    return Layer(canvas), shine


def _row(canvas: Canvas, rng: np.random.Generator, *, inner: float, side: int, vanish: float) -> None:
    """Houses side by side from the street outwards. Only the first one shows its side wall."""
    stage, depth = canvas.stage, canvas.depth
    foot = HORIZON + 0.10 * depth**2
    outer = canvas.left - 0.01 if side < 0 else canvas.right + 0.01
    edges = [inner, inner + side * rng.uniform(0.14, 0.20) * (0.5 + depth) * stage.unit / stage.height, outer]
    if abs(edges[1] - vanish) > abs(outer - vanish):
        edges = [inner, outer]
    for number, (start, end) in reversed(list(enumerate(pairwise(edges)))):
        top = HORIZON - rng.uniform(0.40, 0.60) * (0.62 + 0.55 * depth) * (1.0 - 0.22 * number * rng.random())
        wall = _wall(stage, depth, rng.random())
        x0, x1 = sorted((canvas.point(start, 0)[0], canvas.point(end, 0)[0]))
        box = (x0, canvas.point(0, top)[1], x1, canvas.point(0, foot)[1])
        if number == 0:
            _side_wall(canvas, (start, start + (vanish - start) * 0.30), (top, foot), brighten(wall, 0.62), rng)
        paint_facade(canvas, box, wall, rng, lights=0.34, cell=(0.016 + 0.020 * depth) * rng.uniform(0.75, 1.1))
        paint_roof_clutter(canvas, box, brighten(wall, 0.8), rng)
        paint_shop_front(canvas, box, rng)


def _wall(stage: Stage, depth: float, share: float) -> Colour:
    """Concrete: pale by day, a dark ground for the lights at night."""
    if stage.setting.hour in (Hour.DAY, Hour.DAWN):
        return stage.palette.shade_surface(
            mix_colours(parse_colour("a8a4ae"), parse_colour("b89f94"), share), depth, sunny=0.35
        )
    return stage.palette.shade_surface(mix_colours(parse_colour("3a3a63"), parse_colour("4a3052"), share), depth)


def _side_wall(
    canvas: Canvas, xs: tuple[float, float], ys: tuple[float, float], wall: Colour, rng: np.random.Generator
) -> None:
    """The wall along the street, seen foreshortened, with rows of lit windows."""
    (near, far), (top, foot) = xs, ys
    lines = np.array(
        [[near, top], [far, HORIZON + (top - HORIZON) * 0.70], [far, HORIZON + (foot - HORIZON) * 0.70], [near, foot]]
    )
    polygon(canvas.image, canvas.points(lines), opaque(wall))
    storeys = 11
    for row in range(storeys):
        for column in range(4):
            if rng.random() > 0.38:
                continue
            window = _cell(lines, (column + 0.2) / 4, (row + 0.25) / storeys, 0.55 / 4, 0.45 / storeys)
            warm = mix_colours(
                wall, parse_colour("ffce85") if rng.random() < 0.7 else parse_colour("8fe6ff"), rng.uniform(0.35, 0.8)
            )
            polygon(canvas.image, canvas.points(window), opaque(warm))


def _cell(quad: Pixels, u: float, v: float, du: float, dv: float) -> Pixels:
    """A small quad inside a larger one (upper near, upper far, lower far, lower near)."""

    def point(s: float, t: float) -> Pixels:
        upper, lower = quad[0] + (quad[1] - quad[0]) * s, quad[3] + (quad[2] - quad[3]) * s
        inside: Pixels = upper + (lower - upper) * t
        return inside

    return np.array([point(u, v), point(u + du, v), point(u + du, v + dv), point(u, v + dv)])


def _street(stage: Stage) -> Layer:
    canvas = Canvas(stage, depth=0.45)
    ground = stage.palette.shade_surface(parse_colour("33334f"), 0.8)
    edges = [
        (canvas.left, canvas.bottom),
        (canvas.left, HORIZON),
        (canvas.right, HORIZON),
        (canvas.right, canvas.bottom),
    ]
    polygon(canvas.image, canvas.points(edges), opaque(ground))
    canvas.image[int(canvas.point(0, HORIZON)[1]) + 1 :, :, 3] = 255
    return Layer(canvas)


def _street_glow(stage: Stage, vanish: float) -> Canvas:
    """The light at the end of the street."""
    canvas = Canvas(stage, depth=0.3, scale=0.25)
    x, y = canvas.point(vanish, HORIZON)
    gain = 0.35 if stage.setting.hour is Hour.DAY else 0.8
    wedge = [(x - 0.26 * canvas.unit, y + 2), (x, y - 0.08 * canvas.unit), (x + 0.26 * canvas.unit, y + 2)]
    polygon(canvas.image, wedge, brighten(stage.palette.glow, 0.8 * gain))
    disc(canvas.image, (x, y), 0.045 * canvas.unit, brighten(stage.palette.glow, gain))
    canvas.image = soften(canvas.image, 0.035 * canvas.unit)
    canvas.image[..., 3] = 0
    return canvas


def _markings(stage: Stage, vanish: float) -> Layer:
    """Zebra crossing and kerbs, in the perspective of the street."""
    canvas = Canvas(stage, depth=0.8)
    paint = (*(0.16 * v for v in mix_colours(stage.palette.light, (255, 255, 255), 0.5)), 40.0)
    for k in range(-6, 7):
        near, far = 1.02, 0.86
        spread = 0.10 * stage.unit / stage.width * 1.3
        quad = [(vanish + (k - 0.28) * spread * _fan(near), near), (vanish + (k + 0.28) * spread * _fan(near), near)]
        quad += [(vanish + (k + 0.28) * spread * _fan(far), far), (vanish + (k - 0.28) * spread * _fan(far), far)]
        polygon(canvas.image, canvas.points(quad), paint)
    return Layer(canvas)


def _fan(y: float) -> float:
    return (y - HORIZON) / (1 - HORIZON)


def _cables(stage: Stage) -> Layer:
    """A pole and the cables over the street, nearer than everything."""
    canvas = Canvas(stage, depth=1.15)
    rng = stage.rng("cables")
    ink = opaque(mix_colours(stage.palette.ink, stage.palette.shade, 0.12))
    side = 1 if rng.random() < 0.5 else 0
    foot = 0.07 if side == 0 else 0.93
    for _ in range(5):
        y0, y1, sag = rng.uniform(0.02, 0.22), rng.uniform(-0.05, 0.16), rng.uniform(0.03, 0.08)
        xs = canvas.across(24)
        t = np.linspace(-1, 1, 24)
        line = np.stack([xs, y0 + (y1 - y0) * (t + 1) / 2 + sag * (1 - t * t)], axis=1)
        stroke(canvas.image, canvas.points(line), ink, round(0.0022 * canvas.unit))
    x, _ = canvas.point(foot, 0)
    w = 0.016 * canvas.unit
    polygon(
        canvas.image, [(x - w, 0), (x + w, 0), (x + 1.2 * w, len(canvas.image)), (x - 1.2 * w, len(canvas.image))], ink
    )
    for y in (0.05, 0.10, 0.16):
        bar = canvas.shape(foot, y, [(-0.10, -0.006), (0.10, -0.006), (0.10, 0.006), (-0.10, 0.006)])
        polygon(canvas.image, bar, ink)
    return Layer(canvas)
