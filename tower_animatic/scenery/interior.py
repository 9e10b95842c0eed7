"""A room with a large window: the world outside, light across the floor, furniture against it."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Glow, Layer, Light, PaintedScene, slow_pulse
from tower_animatic.paint import (
    Colour,
    brighten,
    disc,
    mix_colours,
    opaque,
    outline,
    parse_colour,
    polygon,
    smoothstep,
    soften,
)
from tower_animatic.scenery import furniture, heavens
from tower_animatic.scenery.buildings import paint_facade, paint_roof_clutter
from tower_animatic.scenery.plants import paint_foliage, plant_tones
from tower_animatic.scenery.terrain import SwayingSheet
from tower_animatic.setting_parts import Hour, Weather
from tower_animatic.stage import Canvas, Stage

FLOOR = 0.74
SILL = 0.60
WALL_DEPTH = 0.5


def paint(stage: Stage) -> PaintedScene:
    middle = 0.5 + 0.06 * stage.rng("interior").uniform(-1, 1)
    half = 0.40 * stage.unit / stage.width
    window = (middle - half, 0.10, middle + half, SILL)
    light = (middle + 0.5 * half, 0.24)
    back: list[Element] = [
        heavens.paint_sky(stage, horizon=SILL + 0.08, glow_at=light, glow=0.6),
        *([heavens.paint_sun(stage, *light, radius=0.035)] if stage.setting.weather is Weather.CLEAR else []),
        heavens.paint_cloud_bank(stage, "outside", base=SILL - 0.02, height=0.26, depth=0.06),
        _outside(stage),
        _wall(stage, window),
        _curtains(stage, window),
        *_beams(stage, window),
        furniture.paint_furniture(stage, window, FLOOR),
        *_lamp(stage, middle + half * 0.98 + 0.01),
    ]
    return PaintedScene(tuple(back), (_table(stage),), Light(*light, stage.palette.glow), floor=0.95)


def _outside(stage: Stage) -> Layer:
    """Roofs and treetops of the neighbourhood."""
    rng = stage.rng("outside")
    canvas = Canvas(stage, depth=0.2)
    base = canvas.point(0, SILL + 0.12)[1]
    wall = stage.palette.shade_surface(parse_colour("8d90a8"), 0.30)
    for x in canvas.across(15) + rng.normal(0, 0.02, 15):
        width, rise = canvas.unit * rng.uniform(0.07, 0.13), canvas.unit * rng.uniform(0.13, 0.27)
        box = (canvas.point(x, 0)[0] - width / 2, base - rise, canvas.point(x, 0)[0] + width / 2, base)
        paint_facade(
            canvas, box, mix_colours(wall, stage.palette.haze, rng.uniform(0, 0.4)), rng, lights=0.4, cell=0.013
        )
        paint_roof_clutter(canvas, box, wall, rng)
    canvas.add_mist(SILL - 0.22, SILL + 0.03, 0.7)
    tones = plant_tones(canvas, parse_colour("57924c"), sunny=1.0)
    for x in canvas.across(11) + rng.normal(0, 0.03, 11):
        paint_foliage(canvas, (x, SILL + 0.02), (0.075, 0.055), tones, rng, leaf=0.007, count=150)
    return Layer(canvas)


def _wall(stage: Stage, window: tuple[float, float, float, float]) -> Layer:
    """The wall around the window, its frame, and the floor with the patch of light."""
    canvas = Canvas(stage, WALL_DEPTH)
    palette = stage.palette
    left, top, right, sill = window
    wall = palette.shade_surface(_wall_colour(stage), 1.0)
    _gradient_wall(canvas, wall, ((left + right) / 2, (top + sill) / 2))
    _floor(canvas, window)
    hole = np.rint(canvas.points([(left, top), (right, sill)])).astype(int)
    canvas.image[hole[0, 1] : hole[1, 1], hole[0, 0] : hole[1, 0]] = 0
    frame = mix_colours(wall, palette.light, 0.55)
    _bars(canvas, window, frame, mix_colours(wall, palette.ink, 0.55))
    return Layer(canvas)


def _wall_colour(stage: Stage) -> Colour:
    return (parse_colour("c9b79f"), parse_colour("b9c0b0"), parse_colour("c4aeb0"))[stage.seed % 3]


def _gradient_wall(canvas: Canvas, wall: Colour, window: tuple[float, float]) -> None:
    """Darker away from the window."""
    height, width = canvas.image.shape[:2]
    x, y = canvas.point(*window)
    xs, ys = np.arange(width, dtype=np.float32)[None] - x, np.arange(height, dtype=np.float32)[:, None] - y
    share = smoothstep(0.25, 1.05, np.hypot(xs * 0.8, ys) / canvas.unit)[..., None]
    near, far = np.asarray(wall) * 0.66, np.asarray(mix_colours(wall, canvas.stage.palette.ink, 0.68))
    canvas.image[..., :3] = (near + (far - near) * share).astype(np.uint8)
    canvas.image[..., 3] = 255


def _floor(canvas: Canvas, window: tuple[float, float, float, float]) -> None:
    left, _, right, _ = window
    palette = canvas.stage.palette
    board = palette.shade_surface(parse_colour("8a5f43"), 1.0)
    dark, bright = (
        mix_colours(board, palette.ink, 0.45),
        mix_colours(palette.shade_surface(parse_colour("d79a62"), 1.0, sunny=1.0), palette.glow, 0.35),
    )
    sheet = [(canvas.left, FLOOR), (canvas.right, FLOOR), (canvas.right, canvas.bottom), (canvas.left, canvas.bottom)]
    polygon(canvas.image, canvas.points(sheet), opaque(dark))
    skirting = [
        (canvas.left, FLOOR - 0.022),
        (canvas.right, FLOOR - 0.022),
        (canvas.right, FLOOR),
        (canvas.left, FLOOR),
    ]
    polygon(canvas.image, canvas.points(skirting), opaque(mix_colours(board, palette.ink, 0.6)))
    for k in range(-14, 15):
        x = 0.5 + k * 0.075
        plank = [
            (x, FLOOR),
            (x + 0.003, FLOOR),
            (0.5 + (x + 0.006 - 0.5) * 2.1, canvas.bottom),
            (0.5 + (x - 0.5) * 2.1, canvas.bottom),
        ]
        polygon(canvas.image, canvas.points(plank), opaque(mix_colours(dark, palette.ink, 0.5)))
    if canvas.stage.setting.hour is Hour.NIGHT:
        bright = mix_colours(dark, palette.light, 0.35)
    panes = 4
    pitch = (right - left) / panes
    for pane in range(panes):
        a, b = left + pitch * (pane + 0.06), left + pitch * (pane + 0.94)
        for near, far in ((FLOOR + 0.025, FLOOR + 0.10), (FLOOR + 0.112, FLOOR + 0.235)):
            quad = [(_cast(a, near), near), (_cast(b, near), near), (_cast(b, far), far), (_cast(a, far), far)]
            polygon(
                canvas.image,
                canvas.points(quad),
                opaque(mix_colours(dark, bright, 0.85 if near < FLOOR + 0.1 else 0.65)),
            )


def _cast(x: float, y: float) -> float:
    """The point on the floor, at height y, that light through a point of the window reaches."""
    reach = y - FLOOR
    return 0.5 + (x - 0.5) * (1 + 2.2 * reach) - 0.75 * reach


def _bars(canvas: Canvas, window: tuple[float, float, float, float], frame: Colour, shadow: Colour) -> None:
    left, top, right, sill = window
    w = 0.011 * canvas.unit
    corners = canvas.points([(left, top), (right, sill)])
    (x0, y0), (x1, y1) = corners
    for k in range(5):
        x, half = x0 + (x1 - x0) * k / 4, w * (1.0 if k in (0, 2, 4) else 0.5)
        polygon(
            canvas.image,
            [(x - half, y0 - w), (x + half, y0 - w), (x + half, y1 + w), (x - half, y1 + w)],
            opaque(shadow),
        )
        polygon(
            canvas.image,
            [(x - half, y0 - w), (x - half * 0.4, y0 - w), (x - half * 0.4, y1 + w), (x - half, y1 + w)],
            opaque(frame),
        )
    for y, half in ((y0, w), (y0 + (y1 - y0) * 0.36, 0.5 * w)):
        polygon(
            canvas.image,
            [(x0 - w, y - half), (x1 + w, y - half), (x1 + w, y + half), (x0 - w, y + half)],
            opaque(shadow),
        )
        polygon(
            canvas.image,
            [(x0 - w, y + half * 0.4), (x1 + w, y + half * 0.4), (x1 + w, y + half), (x0 - w, y + half)],
            opaque(mix_colours(shadow, frame, 0.6)),
        )
    polygon(
        canvas.image,
        [(x0 - 4 * w, y1 - w), (x1 + 4 * w, y1 - w), (x1 + 5 * w, y1 + 1.4 * w), (x0 - 5 * w, y1 + 1.4 * w)],
        opaque(frame),
    )
    polygon(
        canvas.image,
        [
            (x0 - 5 * w, y1 + 1.4 * w),
            (x1 + 5 * w, y1 + 1.4 * w),
            (x1 + 4 * w, y1 + 2.2 * w),
            (x0 - 4 * w, y1 + 2.2 * w),
        ],
        opaque(shadow),
    )


def _curtains(stage: Stage, window: tuple[float, float, float, float]) -> SwayingSheet:
    """Thin cloth on both sides of the window that moves in a draught."""
    canvas = Canvas(stage, depth=0.52)
    left, top, right, sill = window
    cloth = mix_colours(stage.palette.shade_surface(parse_colour("f3ead8"), 1.0, sunny=0.7), stage.palette.glow, 0.25)
    width = (right - left) * 0.20
    for side, edge in ((-1, left), (1, right)):
        folds = 9
        for k in range(folds):
            t = k / folds
            x0, x1 = edge + side * 0.03 - side * width * t, edge + side * 0.03 - side * width * (t + 1.15 / folds)
            sweep = side * 0.025 * t
            tone = mix_colours(
                mix_colours(cloth, stage.palette.shade, 0.55), cloth, 0.5 + 0.5 * np.cos(k * 2.1 + (side > 0))
            )
            share = 0.94 - 0.28 * t
            quad = [(x0, top - 0.035), (x1, top - 0.035), (x1 + sweep, sill + 0.085), (x0 + sweep * 0.7, sill + 0.085)]
            polygon(canvas.image, canvas.points(quad), tuple(share * v for v in opaque(tone)))
    rail = [
        (left - 0.05, top - 0.045),
        (right + 0.05, top - 0.045),
        (right + 0.05, top - 0.03),
        (left - 0.05, top - 0.03),
    ]
    polygon(canvas.image, canvas.points(rail), opaque(mix_colours(stage.palette.ink, stage.palette.shade, 0.3)))
    return SwayingSheet(canvas, roots=top, tips=sill + 0.09, reach=0.010, period_s=4.2)


def _beams(stage: Stage, window: tuple[float, float, float, float]) -> list[Glow]:
    """The light in the air of the room."""
    left, top, right, sill = window
    canvas = Canvas(stage, depth=0.6, scale=0.25)
    strength = 0.10 if stage.setting.hour is Hour.NIGHT else 0.22
    if stage.setting.weather is not Weather.CLEAR:
        strength *= 0.4
    pitch = (right - left) / 4
    for pane in range(4):
        a, b = left + pitch * (pane + 0.1), left + pitch * (pane + 0.9)
        sheet = np.zeros_like(canvas.image)
        low = FLOOR + 0.24
        polygon(
            sheet,
            canvas.points([(a, top), (b, top), (_cast(b, low), low), (_cast(a, low), low)]),
            brighten(stage.palette.glow, strength),
        )
        canvas.image = np.maximum(canvas.image, sheet)
    fade = smoothstep(top - 0.1, sill, canvas.rows()) * (1 - 0.5 * smoothstep(FLOOR, 1.0, canvas.rows()))
    canvas.image = (soften(canvas.image, 0.014 * canvas.unit) * fade[:, None, None]).astype(np.uint8)
    canvas.image[..., 3] = 0
    return [Glow(canvas, slow_pulse(4.5, 0.75))]


def _lamp(stage: Stage, x: float) -> list[Element]:
    """A pendant lamp, lit when it is dark outside."""
    canvas = Canvas(stage, depth=0.75)
    ink = mix_colours(stage.palette.ink, stage.palette.shade, 0.15)
    place = (min(x, 0.93), 0.0)
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.0015, -0.3), (0.0015, -0.3), (0.0015, 0.12), (-0.0015, 0.12)]),
        opaque(ink),
    )
    polygon(
        canvas.image,
        canvas.shape(*place, outline("""-0.012,0.115 0.012,0.115 0.03,0.14 0.062,0.185 -0.062,0.185 -0.03,0.14""")),
        opaque(ink),
    )
    if stage.setting.hour not in (Hour.NIGHT, Hour.SUNSET):
        return [Layer(canvas)]
    warm = parse_colour("ffcf8a")
    polygon(
        canvas.image,
        canvas.shape(*place, [(-0.058, 0.185), (0.058, 0.185), (0.05, 0.192), (-0.05, 0.192)]),
        opaque(mix_colours(warm, (255, 255, 255), 0.5)),
    )
    glow = Canvas(stage, depth=0.75, scale=0.25)
    polygon(
        glow.image, glow.shape(*place, [(-0.05, 0.19), (0.05, 0.19), (0.30, 0.85), (-0.30, 0.85)]), brighten(warm, 0.20)
    )
    disc(glow.image, glow.shape(*place, [(0, 0.2)])[0], 0.05 * glow.unit, brighten(warm, 0.8))
    glow.image = soften(glow.image, 0.05 * glow.unit)
    glow.image[..., 3] = 0
    return [Layer(canvas), Glow(glow, slow_pulse(3.7, 0.9))]


def _table(stage: Stage) -> Layer:
    """The edge of a table with a cup and a plant, close and out of focus."""
    rng = stage.rng("table")
    canvas = Canvas(stage, depth=1.4, scale=0.5)
    ink = mix_colours(stage.palette.ink, stage.palette.shade_surface(parse_colour("7a4b35"), 1.0), 0.25)
    polygon(
        canvas.image,
        canvas.points(
            [(canvas.left, 0.965), (0.30, 0.985), (0.34, canvas.bottom + 0.01), (canvas.left, canvas.bottom + 0.01)]
        ),
        opaque(ink),
    )
    cup = (0.16, 0.975)
    polygon(
        canvas.image,
        canvas.shape(*cup, [(-0.045, -0.085), (0.045, -0.085), (0.036, 0.0), (-0.036, 0.0)]),
        opaque(mix_colours(ink, stage.palette.light, 0.22)),
    )
    tones = [
        mix_colours(stage.palette.ink, tone, 0.30) for tone in plant_tones(canvas, parse_colour("3f7a48"), sunny=0.4)
    ]
    for _ in range(5):
        paint_foliage(
            canvas,
            (canvas.right - 0.03 + rng.normal(0, 0.02), 0.86 + rng.normal(0, 0.07)),
            (0.15, 0.13),
            tones,
            rng,
            leaf=0.028,
            count=60,
        )
    canvas.image = soften(canvas.image, 0.0045 * canvas.unit)
    return Layer(canvas)
