"""Paints a person as a sprite: flat colours, a soft form shadow, and a rim towards the main light."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from tower_animatic.figures.garments import BodyPart
from tower_animatic.paint import Colour, Pixels, mix_colours, parse_colour, polygon, soften, stroke, translate
from tower_animatic.palette import Palette

HALF_WIDTH = 0.38
"""Half the width of a sprite, in heights of the person."""
HEADROOM = 0.08
BELOW = 0.05

_NAMED = dict(
    pair.split(":")
    for pair in [
        "red:c03038",
        "crimson:a01830",
        "scarlet:cc2a2a",
        "pink:f08ab0",
        "orange:e08030",
        "yellow:e8c840",
        "gold:d8b050",
        "golden:d8b050",
        "blonde:e8cc80",
        "blond:e8cc80",
        "green:3f8a50",
        "teal:2f8f8a",
        "cyan:40c0d0",
        "blue:3560b0",
        "navy:24386a",
        "purple:7048a0",
        "violet:7048a0",
        "brown:6f4a34",
        "auburn:8a4030",
        "black:22222c",
        "white:eef0f4",
        "silver:c8ccd8",
        "grey:808490",
        "gray:808490",
        "beige:d0b890",
        "tan:c0a070",
    ]
)
_PIECES = {
    word: piece
    for piece, words in {
        "hair": "hair",
        "coat": "coat jacket cloak trench kimono dress uniform robe haori",
        "trim": "scarf hat ribbon obi fedora",
        "legs": "skirt trousers pants hakama",
        "shoes": "boots shoes",
    }.items()
    for word in words.split()
}
_DEFAULT_COLOURS = {
    "detective": {"hair": "2c2630", "coat": "8f6f4e", "trim": "54453c", "legs": "34323f"},
    "samurai": {"hair": "1e1c26", "coat": "35477a", "trim": "b23a3a", "legs": "4a4656"},
    "kimono": {"hair": "221d28", "coat": "b04a68", "trim": "dfb45c", "legs": "5a4656"},
    "girl": {"hair": "43303a", "coat": "34456f", "trim": "c8404e", "legs": "3c4668"},
    "boy": {"hair": "332a36", "coat": "3c4a66", "trim": "b8453c", "legs": "32364a"},
}
_DESCRIBED = re.compile(rf"\b({'|'.join(_NAMED)})\W+(?:\w+\W+){{0,2}}?({'|'.join(_PIECES)})\b")
_COMMON_COLOURS = {"skin": "d9a58c", "shoes": "2a2630", "dark": "26222e"}


@dataclass(frozen=True)
class Lighting:
    """The direction of the light from the person (in sprite pixels, of any length), and its colour."""

    dx: float
    dy: float
    colour: Colour


def choose_colours(kind: str, looks: str, shade: float) -> dict[str, Colour]:
    """The colours of a person: those named in `looks` ("silver hair"), else defaults, varied by `shade` (0…1)."""
    codes = {**_COMMON_COLOURS, **_DEFAULT_COLOURS.get(kind, _DEFAULT_COLOURS["boy"])}
    colours = {piece: parse_colour(code) for piece, code in codes.items()}
    colours["coat"] = mix_colours(colours["coat"], parse_colour("5a3c5c"), 0.5 * shade)
    for name, piece in _DESCRIBED.findall(looks.lower()):
        colours[_PIECES[piece]] = parse_colour(_NAMED[name])
    return colours


def paint_person(
    parts: list[BodyPart], colours: dict[str, Colour], palette: Palette, *, height: int, lighting: Lighting
) -> Pixels:
    """A premultiplied BGRA sprite of a person. `height` is in pixels."""
    size = (round(height * (1 + HEADROOM + BELOW)), round(height * 2 * HALF_WIDTH))
    sprite = np.zeros((*size, 4), np.uint8)
    _shadow_on_ground(sprite, height)
    for part in parts:
        base = mix_colours(palette.shade_surface(colours[part.colour_key], 1.0, sunny=0.10), palette.ink, 0.42)
        _paint_part(sprite, part, base, palette, height=height, lighting=lighting)
    return sprite


def to_sprite(points: Pixels, height: int) -> Pixels:
    """Convert shares of a person's height to pixels of the sprite."""
    return translate(points, HALF_WIDTH, HEADROOM) * height


def _paint_part(
    sprite: Pixels, part: BodyPart, base: Colour, palette: Palette, *, height: int, lighting: Lighting
) -> None:
    edge = to_sprite(part.outline, height)
    reach = 0.05 * height
    x0, y0 = np.maximum(0, edge.min(axis=0) - reach).astype(int)
    x1, y1 = (edge.max(axis=0) + reach).astype(int) + 1
    box = sprite[y0:y1, x0:x1]
    mask = np.zeros(box.shape[:2], np.uint8)
    polygon(mask, edge - (x0, y0), (255,))
    tone = np.empty((*mask.shape, 3), np.uint8)
    tone[:] = np.asarray(base, np.uint8)
    for fold in part.folds:
        line = to_sprite(fold, height) - (x0, y0)
        stroke(tone, line, mix_colours(base, palette.ink, 0.65), max(1, round(0.004 * height)))
    rim, form = _towards_light(mask, lighting, height)
    glow = np.asarray(lighting.colour, np.float32)
    field = tone.astype(np.float32)
    field += (np.asarray(mix_colours(base, lighting.colour, 0.5), np.float32) - field) * (0.50 * form)[..., None]
    field += (glow - field) * np.minimum(1, 0.95 * part.rim * rim)[..., None]
    cover = (mask / np.float32(255))[..., None]
    box[:] = (
        box * (1 - cover) + np.concatenate([field, np.full((*mask.shape, 1), 255, np.float32)], axis=2) * cover + 0.5
    )


def _towards_light(mask: Pixels, lighting: Lighting, height: int) -> tuple[Pixels, Pixels]:
    """A thin bright edge and a broad soft one on the side of the light, each 0…1."""
    length = float(np.hypot(lighting.dx, lighting.dy)) or 1.0
    ux, uy = lighting.dx / length, lighting.dy / length
    share = mask.astype(np.float32) / 255

    def beyond(pixels: float, blur: float) -> Pixels:
        moved = np.array([[1, 0, -ux * pixels], [0, 1, -uy * pixels]])
        shifted = cv2.warpAffine(share, moved, mask.shape[::-1])
        edge: Pixels = soften(np.clip(share - shifted, 0, 1), max(0.4, blur)) * share
        return edge

    return beyond(0.0060 * height, 0.0012 * height), beyond(0.024 * height, 0.010 * height)


def _shadow_on_ground(sprite: Pixels, height: int) -> None:
    """Paint the contact shadow of the feet."""
    alpha = np.zeros(sprite.shape[:2], np.uint8)
    centre = (round(HALF_WIDTH * height), round((HEADROOM + 0.992) * height))
    cv2.ellipse(alpha, centre, (round(0.12 * height), round(0.012 * height)), 0, 0, 360, (150,), -1, cv2.LINE_AA)
    sprite[..., 3] = cv2.GaussianBlur(alpha, (0, 0), 0.009 * height + 0.5)
