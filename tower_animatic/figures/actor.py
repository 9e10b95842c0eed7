"""People on the stage, who breathe and walk and whose hair and clothes move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from tower_animatic.figures.garments import BodyPart
from tower_animatic.figures.person import BELOW, HALF_WIDTH, HEADROOM, to_sprite
from tower_animatic.layers import View
from tower_animatic.paint import Pixels, polygon, soften

DRAWINGS_PER_STEP = 12
"""Drawings per double step."""
STEP_S = 1.0
DRAWINGS_PER_S = 12
_REACH = 0.02


@dataclass(frozen=True)
class FigureMark:
    """The position of a figure: feet at x, y (shares of the frame), height in units.

    `drift`: the distance walked in the shot, as a share of the frame's width.
    """

    x: float
    y: float
    height: float
    drift: float = 0.0
    is_reflected: bool = False
    """Whether wet ground reflects the figure."""


class Actor:
    """A figure at a mark, drawn from one sprite or from the drawings of a walk.

    `parts`: the parts of the first drawing, which decide the sway. `visible_heights`: how much of the person the frame
    can show, in heights from the crown.
    """

    def __init__(
        self,
        sprites: list[Pixels],
        parts: list[BodyPart],
        mark: FigureMark,
        *,
        phase: float,
        visible_heights: float = 1.0 + BELOW,
    ) -> None:
        self._mark = mark
        self._phase = phase
        self._height = sprites[0].shape[0] / (1 + HEADROOM + BELOW)
        sway = _sway_maps(sprites[0].shape[:2], parts, self._height)
        box, self._corner = _visible_box(
            sprites, round((HEADROOM + visible_heights) * self._height), round(0.04 * self._height)
        )
        self._sprites = [np.ascontiguousarray(sprite[box]) for sprite in sprites]
        self._sway = [np.ascontiguousarray(part[box]) for part in sway]
        rows, columns = self._sprites[0].shape[:2]
        self._xs, self._ys = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        self._chest = np.clip(1 - (self._ys[:, :1] + self._corner[1]) / np.float32(0.6 * self._height), 0, 1)
        self._drawing: tuple[int, Pixels] | None = None

    def draw(self, frame: Pixels, view: View) -> None:
        sprite = self._current_drawing(view.seconds)
        if self._mark.is_reflected:
            draw_sprite(frame, _reflection(sprite), self._matrix(view, upward=-1))
        draw_sprite(frame, sprite, self._matrix(view, upward=1))

    def _current_drawing(self, seconds: float) -> Pixels:
        """The current drawing with breath and wind: DRAWINGS_PER_S per second, as in hand-drawn animation."""
        number = int(seconds * DRAWINGS_PER_S + 1e-6)
        if self._drawing is None or self._drawing[0] != number:
            self._drawing = (number, self._draw_moment(number / DRAWINGS_PER_S))
        return self._drawing[1]

    def _draw_moment(self, seconds: float) -> Pixels:
        drawing = self._sprites[int(seconds * DRAWINGS_PER_STEP / STEP_S + 1e-6) % len(self._sprites)]
        wind = 2.1 * seconds + self._phase
        gust = 1 + 0.35 * math.sin(0.7 * seconds + self._phase)
        here, behind = np.float32(gust * math.sin(wind)), np.float32(-gust * math.cos(wind))
        xs = self._xs + self._sway[0] * here + self._sway[1] * behind
        breath = np.float32(0.0022 * self._height * math.sin(1.65 * seconds + self._phase))
        return cv2.remap(drawing, xs, self._ys + self._chest * breath, cv2.INTER_LINEAR)

    def _matrix(self, view: View, *, upward: int) -> Pixels:
        """The matrix from the sprite to the screen, with the feet on the mark. `upward` -1 is the reflection."""
        stage, mark = view.stage, self._mark
        scale = mark.height * stage.unit / self._height
        step = abs(math.sin(2 * math.pi * view.seconds / STEP_S)) if len(self._sprites) > 1 else 0.0
        x = (mark.x + mark.drift * (view.progress - 0.5)) * stage.width
        y = mark.y * stage.height - upward * 0.010 * step * mark.height * stage.unit
        left = x + (self._corner[0] - HALF_WIDTH * self._height) * scale
        top = y + upward * (self._corner[1] - (HEADROOM + 0.99) * self._height) * scale
        seen: Pixels = view.matrix(1.0) @ np.array([[scale, 0, left], [0, upward * scale, top], [0, 0, 1]])
        return seen


def draw_sprite(frame: Pixels, sprite: Pixels, matrix: Pixels) -> None:
    """Draw a premultiplied sprite on an opaque frame through a 2 × 3 matrix."""
    rows, columns = sprite.shape[:2]
    corners = matrix @ np.array([[0, columns, 0, columns], [0, 0, rows, rows], [1, 1, 1, 1]], np.float64)
    x0, y0 = np.maximum(0, np.floor(corners.min(axis=1)).astype(int) - 1)
    x1, y1 = np.minimum(frame.shape[1::-1], np.ceil(corners.max(axis=1)).astype(int) + 1)
    if x0 >= x1 or y0 >= y1:
        return
    shifted = matrix.copy()
    shifted[:, 2] -= (x0, y0)
    image = cv2.warpAffine(sprite, shifted, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    shade = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(image, 3)), cv2.COLOR_GRAY2BGRA)
    box = frame[y0:y1, x0:x1]
    box[:] = cv2.add(cv2.multiply(box, shade, scale=1 / 255), image)
    box[..., 3] = 255


def _visible_box(sprites: list[Pixels], last_row: int, spare: int) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """The visible part of the sprites, with room for the sway, and its upper left corner."""
    painted = np.max([sprite[..., 3] for sprite in sprites], axis=0)
    columns, rows = np.flatnonzero(painted.any(axis=0)), np.flatnonzero(painted.any(axis=1))
    left, top = max(0, int(columns[0]) - spare), max(0, int(rows[0]) - spare)
    return (slice(top, last_row), slice(left, int(columns[-1]) + spare)), (left, top)


def _reflection(sprite: Pixels) -> Pixels:
    """The reflection of a sprite: dim and soft, fading away from the feet."""
    rows, columns = sprite.shape[:2]
    keep = (255 * 0.42 * np.linspace(0, 1, rows) ** 1.4).astype(np.uint8)
    soft = cv2.blur(sprite, (max(1, rows // 220), max(1, rows // 40)))
    return cv2.multiply(soft, np.repeat(np.repeat(keep[:, None, None], 4, axis=2), columns, axis=1), scale=1 / 255)


def _sway_maps(size: tuple[int, int], parts: list[BodyPart], height: float) -> tuple[Pixels, Pixels]:
    """How far each pixel swings, in phase and a quarter period later. Lower ends lag, so that cloth and hair wave."""
    weight = np.zeros(size, np.float32)
    for part in parts:
        if part.sway:
            outline = to_sprite(part.outline, round(height))
            mask = np.zeros(size, np.uint8)
            polygon(mask, outline, (255,))
            top, low = outline[:, 1].min(), outline[:, 1].max()
            share = np.clip((np.arange(size[0], dtype=np.float32) - top) / (low - top), 0, 1) ** 1.5
            weight = np.maximum(weight, mask / np.float32(255) * share[:, None] * part.sway * height)
    spread = cv2.dilate(weight, np.ones((3, 3), np.uint8), iterations=max(1, round(_REACH * height / 2)))
    weight = soften(spread.astype(np.float32), _REACH * height)
    lag = np.linspace(0, 4.0, size[0], dtype=np.float32)[:, None]
    return weight * np.cos(lag), weight * np.sin(lag)
