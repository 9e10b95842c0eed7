"""Animals and machines as cut-out pictures, seen from the side, facing right."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.figures.outlines import CREATURES, Piece
from tower_animatic.paint import Pixels, curve, disc, opaque, outline, parse_colour, polygon

_SIZE = 720
"""Height of the picture of a creature in pixels."""
_EDGE = 0.04


def paint_creature(kind: str, *, faces_left: bool) -> Pixels:
    """A picture of a creature (BGRA, straight alpha), cropped to what is painted."""
    creature = CREATURES[kind]
    width, height = creature.size
    scale = _SIZE / (height + 2 * _EDGE)
    picture = np.zeros((_SIZE, round((width + 2 * _EDGE) * scale), 4), np.uint8)
    origin = ((creature.left + _EDGE) * scale, (height + _EDGE) * scale)
    for piece in creature.pieces:
        _paint_piece(picture, piece, scale, origin)
    return np.ascontiguousarray(cv2.flip(picture, 1)) if faces_left else picture


def _paint_piece(picture: Pixels, piece: Piece, scale: float, origin: tuple[float, float]) -> None:
    paint = opaque(parse_colour(piece.colour))
    points = outline(piece.outline)
    if piece.radius:
        for point in points:
            disc(picture, (point[0] * scale + origin[0], point[1] * scale + origin[1]), piece.radius * scale, paint)
        return
    shape = points if piece.is_angular else curve(points, 6, closed=True)
    polygon(picture, shape * scale + np.asarray(origin, np.float32), paint)
