"""Trunks, leaves and grass, drawn on a canvas in units around given points."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tower_animatic.paint import Colour, Pixels, blend_over, curve, mix_colours, opaque, outline, polygon, ramp, stroke
from tower_animatic.stage import Canvas

Tones = Sequence[Colour]
"""From dark to light."""
_SHARES = (1.0, 0.75, 0.4)
"""Number of leaves per tone, relative to the darkest."""


def paint_trunk(
    canvas: Canvas,
    foot: tuple[float, float],
    width: float,
    tones: Tones,
    rng: np.random.Generator,
    *,
    lit_side: int = 0,
) -> None:
    """A trunk from above the picture down to its roots. `lit_side` -1 or 1 is the edge towards the light."""
    x, y = foot
    lean = rng.normal(0, 0.05)
    heights = np.array([0.0, 0.02, 0.06, 0.2, 0.5, 0.9, 1.3])
    halves = width * np.array([1.15, 0.85, 0.62, 0.5, 0.44, 0.38, 0.33])
    middle = lean * heights + rng.normal(0, width * 0.12, len(heights)).cumsum() * 0.6
    left, right = np.stack([middle - halves, -heights], 1), np.stack([middle + halves, -heights], 1)
    edge_l, edge_r = curve(left, 6), curve(right, 6)
    polygon(canvas.image, canvas.shape(x, y, np.vstack([edge_l, edge_r[::-1]])), opaque(tones[0]))
    if lit_side:
        edge, inner = (
            (edge_l, edge_l * 0.78 + edge_r * 0.22) if lit_side < 0 else (edge_r, edge_r * 0.80 + edge_l * 0.20)
        )
        polygon(canvas.image, canvas.shape(x, y, np.vstack([edge, inner[::-1]])), opaque(tones[1]))
        thin = edge * 0.93 + (edge_r if lit_side < 0 else edge_l) * 0.07
        polygon(canvas.image, canvas.shape(x, y, np.vstack([edge, thin[::-1]])), opaque(tones[2]))
    for _ in range(3):
        _bough(canvas, (x, y), (middle, heights, width), tones[0], rng)


def paint_foliage(
    canvas: Canvas,
    centre: tuple[float, float],
    size: tuple[float, float],
    tones: Tones,
    rng: np.random.Generator,
    *,
    leaf: float,
    count: int,
) -> None:
    """A cloud of leaves, lighter ones higher. Sizes are in units."""
    x, y = canvas.point(*centre)
    unit = canvas.unit
    for layer, (tone, share) in enumerate(zip(tones, _SHARES, strict=False)):
        number = int(count * share)
        angle, radius = rng.uniform(0, 2 * np.pi, number), np.sqrt(rng.random(number)) * (1 - 0.13 * layer)
        wobble = 1 + 0.22 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.12 * np.sin(7 * angle + rng.uniform(0, 6))
        px = x + size[0] * unit * radius * wobble * np.cos(angle)
        py = y + size[1] * unit * (radius * wobble * np.sin(angle) - 0.17 * layer)
        _leaves(canvas.image, np.stack([px, py], 1), leaf * unit * (1 - 0.12 * layer), tone, rng)


def paint_meadow(
    canvas: Canvas, edge: Pixels, tones: Tones, rng: np.random.Generator, *, blade: float, count: int
) -> None:
    """Blades of grass along a line (shares of the frame); `blade`: their length in units."""
    line = canvas.points(edge)
    at = rng.random(count)
    xs = np.interp(at, np.linspace(0, 1, len(line)), line[:, 0])
    ys = np.interp(at, np.linspace(0, 1, len(line)), line[:, 1]) + rng.random(count) * 0.3 * blade * canvas.unit
    for x, y in zip(xs, ys, strict=True):
        length, bend = blade * canvas.unit * rng.uniform(0.35, 1.0), rng.normal(0.15, 0.4)
        half = max(0.6, 0.035 * length)
        tip = (x + bend * length, y - length)
        knee = (x + 0.3 * bend * length, y - 0.6 * length)
        tone = tones[int(rng.integers(len(tones)))]
        polygon(
            canvas.image,
            [
                (x - half, y + 2),
                (knee[0] - 0.7 * half, knee[1]),
                tip,
                (knee[0] + 0.7 * half, knee[1]),
                (x + half, y + 2),
            ],
            opaque(tone),
        )


def paint_fern(canvas: Canvas, root: tuple[float, float], size: float, tones: Tones, rng: np.random.Generator) -> None:
    """A fan of fern fronds; size in units."""
    for angle in np.linspace(-1.25, 1.25, 9) + rng.normal(0, 0.1, 9):
        t = np.linspace(0, 1, 12)
        reach = size * rng.uniform(0.7, 1.0)
        spine = np.stack(
            [np.sin(angle) * t * reach, -np.cos(angle * 0.8) * t * reach + 0.45 * reach * t**2 * abs(np.sin(angle))], 1
        )
        tone = tones[int(rng.integers(len(tones)))]
        stroke(canvas.image, canvas.shape(*root, spine), opaque(tone), round(0.003 * canvas.unit))
        for i in range(2, 12):
            along = spine[i] - spine[i - 1]
            along = along / (np.hypot(*along) + 1e-9)
            for side in (-1, 1):
                out = np.array([-along[1], along[0]]) * side * size * 0.20 * (1 - t[i]) + along * size * 0.09
                polygon(
                    canvas.image,
                    canvas.shape(
                        *root,
                        [spine[i - 1], spine[i - 1] + out * 0.6 + along * 0.02 * size, spine[i - 1] + out, spine[i]],
                    ),
                    opaque(tone),
                )


def paint_hill(canvas: Canvas, points: Pixels, top: Colour, bottom: Colour) -> Pixels:
    """Fill below a smooth line (shares of the frame) with a gradient; returns the line."""
    line = curve(points, 10)
    mask = np.zeros(canvas.image.shape[:2], np.uint8)
    area = np.vstack([line, [(line[-1, 0], canvas.bottom + 0.02), (line[0, 0], canvas.bottom + 0.02)]])
    polygon(mask, canvas.points(area), (255,))
    share = np.clip((canvas.rows() - line[:, 1].min()) / (canvas.bottom - line[:, 1].min()), 0, 1)
    field: Pixels = np.ones((*mask.shape, 4), np.float32) * 255
    field[..., :3] = ramp([(0, top), (1, bottom)], share)[:, None]
    blend_over(canvas.image, cv2.multiply(field.astype(np.uint8), cv2.merge([mask] * 4), scale=1 / 255))
    return line


def plant_tones(canvas: Canvas, base: Colour, *, sunny: float = 0.5) -> list[Colour]:
    """Dark, middle and lit tone of a plant at the depth of a canvas."""
    palette = canvas.stage.palette
    dark = palette.shade_surface(mix_colours(base, palette.ink, 0.5), canvas.depth, sunny=0)
    middle = palette.shade_surface(base, canvas.depth, sunny=0.25 * sunny)
    bright = palette.shade_surface(mix_colours(base, palette.light, 0.28), canvas.depth, sunny=sunny)
    return [dark, middle, bright]


def _leaves(image: Pixels, centres: Pixels, size: float, tone: Colour, rng: np.random.Generator) -> None:
    count = len(centres)
    turn, scale = rng.uniform(0, np.pi, count), size * rng.uniform(0.5, 1.1, count)
    leaf = np.array(outline("-1,0 -0.3,-0.42 0.5,-0.3 1,0 0.4,0.36 -0.4,0.38"))
    cos, sin = (np.cos(turn) * scale)[:, None], (np.sin(turn) * scale)[:, None]
    x = centres[:, :1] + cos * leaf[:, 0] - sin * leaf[:, 1]
    y = centres[:, 1:] + sin * leaf[:, 0] + cos * leaf[:, 1]
    fixed = np.round(np.stack([x, y], 2) * 16).astype(np.int32)
    paint = opaque(tone)
    for shape in fixed:
        cv2.fillConvexPoly(image, shape, paint, cv2.LINE_AA, 4)


def _bough(
    canvas: Canvas,
    foot: tuple[float, float],
    stem: tuple[Pixels, Pixels, float],
    tone: Colour,
    rng: np.random.Generator,
) -> None:
    middle, heights, width = stem
    height, side = rng.uniform(0.35, 0.9), rng.choice((-1, 1))
    x0 = float(np.interp(height, heights, middle))
    length = rng.uniform(0.10, 0.25)
    spine = curve(
        [
            (x0, -height),
            (x0 + side * length * 0.45, -height - length * 0.35),
            (x0 + side * length, -height - length * 0.5),
        ],
        6,
    )
    half = np.linspace(0.16, 0.03, len(spine))[:, None] * width * np.array([[0.0, 1.0]])
    polygon(canvas.image, canvas.shape(*foot, np.vstack([spine - half, (spine + half)[::-1]])), opaque(tone))
