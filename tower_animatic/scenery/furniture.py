"""The furniture of a room: a desk with a lamp and books, a shelf, a chair, a plant, pictures."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Layer
from tower_animatic.paint import Colour, curve, mix_colours, opaque, outline, parse_colour, polygon, stroke
from tower_animatic.scenery.plants import paint_foliage, plant_tones
from tower_animatic.stage import Canvas, Stage

_SPINES = tuple(parse_colour(code) for code in ("9c3f45", "3d6a8c", "d8b56a", "4f7a5d", "74568c", "c9c2b2", "2f3c5e"))


def paint_furniture(stage: Stage, window: tuple[float, float, float, float], floor: float) -> Layer:
    rng = stage.rng("furniture")
    canvas = Canvas(stage, depth=0.62)
    wood = mix_colours(stage.palette.shade_surface(parse_colour("6b4430"), 1.0), stage.palette.ink, 0.45)
    left, _, right, _ = window
    narrow = stage.unit / stage.width
    _shelf(canvas, (left - 0.17 * narrow, floor + 0.03), wood, rng)
    _pictures(canvas, right + 0.10 * narrow, wood, rng)
    _plant(canvas, (right + 0.045 * narrow, floor + 0.05), rng)
    _desk(canvas, ((left + right) / 2 + 0.19 * narrow, floor + 0.055), wood, rng)
    _chair(canvas, ((left + right) / 2 - 0.06 * narrow, floor + 0.085), mix_colours(wood, stage.palette.ink, 0.3))
    return Layer(canvas)


def _box(canvas: Canvas, place: tuple[float, float], box: tuple[float, float, float, float], paint: Colour) -> None:
    x0, y0, x1, y1 = box
    polygon(canvas.image, canvas.shape(*place, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), opaque(paint))


def _lit(canvas: Canvas, paint: Colour, share: float = 0.5) -> Colour:
    """An edge that the window lights."""
    return mix_colours(paint, canvas.stage.palette.glow, share)


def _books(
    canvas: Canvas, place: tuple[float, float], span: tuple[float, float], height: float, rng: np.random.Generator
) -> None:
    x, end = span
    while x < end - 0.008:
        width, tall = rng.uniform(0.007, 0.016), height * rng.uniform(0.65, 1.0)
        spine = canvas.stage.palette.shade_surface(_SPINES[int(rng.integers(len(_SPINES)))], 1.0, sunny=0.15)
        if rng.random() < 0.85:
            _box(canvas, place, (x, -tall, x + width, 0), mix_colours(spine, canvas.stage.palette.ink, 0.25))
            _box(canvas, place, (x + width * 0.8, -tall, x + width, 0), _lit(canvas, spine, 0.22))
        x += width + 0.0015


def _shelf(canvas: Canvas, place: tuple[float, float], wood: Colour, rng: np.random.Generator) -> None:
    _box(canvas, place, (-0.13, -0.56, 0.13, 0), mix_colours(wood, canvas.stage.palette.ink, 0.5))
    for storey in range(5):
        y = -0.012 - storey * 0.108
        _books(
            canvas,
            (place[0], place[1] + y * canvas.stage.unit / canvas.stage.height),
            (-0.115, 0.10 - 0.05 * rng.random()),
            0.085,
            rng,
        )
        _box(canvas, place, (-0.13, y, 0.13, y + 0.012), wood)
        _box(canvas, place, (-0.13, y, 0.13, y + 0.002), _lit(canvas, wood, 0.3))
    for x in (-0.13, 0.118):
        _box(canvas, place, (x, -0.56, x + 0.012, 0), wood)
    _box(canvas, place, (0.127, -0.56, 0.130, 0), _lit(canvas, wood))
    _box(canvas, place, (-0.135, -0.572, 0.135, -0.56), wood)


def _desk(canvas: Canvas, place: tuple[float, float], wood: Colour, rng: np.random.Generator) -> None:
    top = -0.20
    shift = top * canvas.stage.unit / canvas.stage.height
    _books(canvas, (place[0], place[1] + shift), (0.02, 0.13), 0.075, rng)
    lamp = opaque(mix_colours(canvas.stage.palette.ink, wood, 0.4))
    stroke(
        canvas.image,
        canvas.shape(*place, curve([(-0.15, top), (-0.165, top - 0.07), (-0.13, top - 0.13), (-0.09, top - 0.125)], 6)),
        lamp,
        round(0.005 * canvas.unit),
    )
    polygon(
        canvas.image,
        canvas.shape(
            *place, [(-0.108, top - 0.14), (-0.085, top - 0.138), (-0.062, top - 0.105), (-0.125, top - 0.103)]
        ),
        lamp,
    )
    _box(canvas, place, (-0.175, top - 0.006, -0.125, top), mix_colours(canvas.stage.palette.ink, wood, 0.4))
    for x in (-0.19, 0.175):
        _box(canvas, place, (x, top, x + 0.016, 0), wood)
    _box(canvas, place, (0.05, top, 0.175, top + 0.10), mix_colours(wood, canvas.stage.palette.ink, 0.25))
    _box(canvas, place, (-0.21, top, 0.21, top + 0.016), wood)
    _box(canvas, place, (-0.21, top, 0.21, top + 0.004), _lit(canvas, wood, 0.7))


def _chair(canvas: Canvas, place: tuple[float, float], wood: Colour) -> None:
    back = curve(
        outline("""-0.05,-0.13 -0.06,-0.24 -0.045,-0.29 0,-0.297 0.045,-0.29 0.06,-0.24 0.05,-0.13"""),
        6,
    )
    polygon(canvas.image, canvas.shape(*place, back), opaque(wood))
    stroke(
        canvas.image, canvas.shape(*place, back[6:-6]), opaque(_lit(canvas, wood, 0.65)), round(0.0028 * canvas.unit)
    )
    _box(canvas, place, (-0.065, -0.135, 0.065, -0.115), wood)
    for x in (-0.06, 0.05):
        polygon(
            canvas.image,
            canvas.shape(*place, [(x, -0.12), (x + 0.01, -0.12), (x + 0.012 + x * 0.15, 0), (x + x * 0.15, 0)]),
            opaque(wood),
        )


def _plant(canvas: Canvas, place: tuple[float, float], rng: np.random.Generator) -> None:
    pot = mix_colours(canvas.stage.palette.shade_surface(parse_colour("b5654a"), 1.0), canvas.stage.palette.ink, 0.25)
    tones = plant_tones(canvas, parse_colour("3f8a55"), sunny=0.8)
    rise = canvas.stage.unit / canvas.stage.height
    for dx, dy, size in ((0, -0.19, 0.075), (-0.04, -0.25, 0.06), (0.045, -0.27, 0.06), (0.0, -0.34, 0.055)):
        paint_foliage(
            canvas,
            (place[0] + dx * canvas.stage.unit / canvas.stage.width, place[1] + dy * rise),
            (size, size * 0.8),
            tones,
            rng,
            leaf=0.016,
            count=55,
        )
    polygon(canvas.image, canvas.shape(*place, [(-0.05, -0.115), (0.05, -0.115), (0.038, 0), (-0.038, 0)]), opaque(pot))
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.05, -0.115), (-0.038, -0.115), (-0.03, 0), (-0.038, 0)]),
        opaque(_lit(canvas, pot, 0.4)),
    )


def _pictures(canvas: Canvas, x: float, wood: Colour, rng: np.random.Generator) -> None:
    for y, w, h in ((0.24, 0.055, 0.07), (0.42, 0.042, 0.042)):
        _box(canvas, (x, y), (-w, -h, w, h), wood)
        tone = canvas.stage.palette.shade_surface(_SPINES[int(rng.integers(len(_SPINES)))], 0.8)
        _box(
            canvas,
            (x, y),
            (-w + 0.008, -h + 0.008, w - 0.008, h - 0.008),
            mix_colours(tone, canvas.stage.palette.light, 0.25),
        )
        hillside = [
            (-w + 0.008, h * 0.3),
            (-w * 0.2, -h * 0.2),
            (w * 0.3, h * 0.25),
            (w - 0.008, 0.0),
            (w - 0.008, h - 0.008),
            (-w + 0.008, h - 0.008),
        ]
        polygon(canvas.image, canvas.shape(x, y, hillside), opaque(mix_colours(tone, canvas.stage.palette.ink, 0.3)))
