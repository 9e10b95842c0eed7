"""The elements of a stage, and how they are drawn on a frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import cv2
import numpy as np

from tower_animatic.camera import Pose, camera_matrix
from tower_animatic.paint import Colour, Pixels
from tower_animatic.stage import Canvas, Stage

_BLOCK = 48


class ScratchMemory:
    """Reusable memory for intermediate pictures. Allocating new pages costs more than the drawing."""

    def __init__(self, width: int, height: int) -> None:
        self._sheet: Pixels = np.zeros(width * height * 4, np.uint8)
        self._shade: Pixels = np.zeros(width * height * 4, np.uint8)

    def sheet(self, size: tuple[int, int]) -> Pixels:
        """A BGRA picture of (width, height). The next call overwrites it."""
        return _reshape(self._sheet, size)

    def shade(self, size: tuple[int, int]) -> Pixels:
        return _reshape(self._shade, size)


@dataclass(frozen=True)
class View:
    """One moment of the shot as seen by the camera."""

    stage: Stage
    pose: Pose
    seconds: float
    progress: float
    scratch: ScratchMemory

    def matrix(self, depth: float) -> Pixels:
        """The matrix from the frame at rest to the screen, both in pixels."""
        stage = self.stage
        return camera_matrix(self.pose, depth, unit=stage.unit, centre=(stage.width / 2, stage.height / 2))

    def to_screen(self, x: float, y: float, depth: float) -> tuple[float, float]:
        """The pixel on screen of a point given in shares of the frame."""
        px, py = self.matrix(depth) @ (x * self.stage.width, y * self.stage.height, 1.0)
        return (float(px), float(py))


class Element(Protocol):
    def draw(self, frame: Pixels, view: View) -> None:
        """Draw the element on a BGRA frame that already has everything behind it."""


@dataclass(frozen=True)
class Light:
    """The main light: a position in shares of the frame, and its colour."""

    x: float
    y: float
    colour: Colour


@dataclass(frozen=True)
class PaintedScene:
    """A painted scene. Figures stand between `back` and `front` with their feet at `floor` (share of the height)."""

    back: tuple[Element, ...]
    front: tuple[Element, ...]
    light: Light
    floor: float = 0.9
    is_reflecting: bool = False
    """Whether the ground reflects the figures."""


class Layer:
    """A painted sheet. Clear rows are skipped and solid rows are copied instead of blended, in strips of the screen."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        alpha = canvas.image[..., 3]
        self._blocks = [_extent(alpha[:, x : x + _BLOCK]) for x in range(0, alpha.shape[1], _BLOCK)]
        uneven = max(np.ptp([(e.top, e.end, e.solid_from) for e in self._blocks], axis=0))
        width = canvas.stage.width
        self._strips = max(1, min(8, width // 170)) if uneven > 0.08 * len(alpha) else 1

    def solid_from(self, view: View) -> int:
        """The row of the screen from which this layer hides everything behind it."""
        matrix = canvas_matrix(self._canvas, view)
        size = (view.stage.width, view.stage.height)
        return max(_screen_rows(matrix, extent.solid_from, size)[1] + 1 for extent in self._blocks)

    def draw(self, frame: Pixels, view: View) -> None:
        matrix = canvas_matrix(self._canvas, view)
        height, width = frame.shape[:2]
        edges = np.linspace(0, width, self._strips + 1).astype(int).tolist()
        for left, right in pairwise(edges):
            extent = self._extent(matrix, (left, right), height)
            first = _screen_rows(matrix, extent.top, (width, height))[0]
            solid = min(height, max(first, _screen_rows(matrix, extent.solid_from, (width, height))[1] + 1))
            last = height if extent.solid_from < extent.end else _screen_rows(matrix, extent.end, (width, height))[1]
            if first < min(solid, last):
                rows = (first, min(solid, last))
                _blend(frame[rows[0] : rows[1], left:right], self._warp((left, right), rows, matrix, view), view)
            if solid < last:
                self._warp((left, right), (solid, last), matrix, view, onto=frame[solid:last, left:right])

    def _extent(self, matrix: Pixels, columns: tuple[int, int], height: int) -> Extent:
        """The combined extent of the blocks that are visible in a strip of the screen."""
        (a, b, tx), _ = matrix
        xs = [(x - tx - b / a * y) / a for x in columns for y in (0, height)]
        low, high = int((min(xs) - 2) // _BLOCK), int((max(xs) + 2) // _BLOCK)
        seen = self._blocks[max(0, low) : max(1, high + 1)] or self._blocks[-1:]
        return Extent(min(e.top for e in seen), max(e.end for e in seen), max(e.solid_from for e in seen))

    def _warp(
        self, columns: tuple[int, int], rows: tuple[int, int], matrix: Pixels, view: View, *, onto: Pixels | None = None
    ) -> Pixels:
        shifted = matrix - ((0, 0, columns[0]), (0, 0, rows[0]))
        size = (columns[1] - columns[0], rows[1] - rows[0])
        target = view.scratch.sheet(size) if onto is None else onto
        edge = cv2.BORDER_CONSTANT if onto is None else cv2.BORDER_REPLICATE
        return cv2.warpAffine(self._canvas.image, shifted, size, dst=target, flags=cv2.INTER_LINEAR, borderMode=edge)


@dataclass(frozen=True)
class Extent:
    """Rows of a canvas: `top` and `end` of the painted part, and the row from which it is solid to the bottom."""

    top: int
    end: int
    solid_from: int


class Glow:
    """Light that is added to the frame. `pulse` returns its strength (0…1) at a time in seconds."""

    def __init__(self, canvas: Canvas, pulse: Callable[[float], float] | None = None) -> None:
        self._canvas = canvas
        self._pulse = pulse
        painted = canvas.image[..., :3].max(axis=2) > 1
        self._columns, self._rows = (_painted_span(painted.any(axis)) for axis in (0, 1))

    def draw(self, frame: Pixels, view: View) -> None:
        matrix = canvas_matrix(self._canvas, view)
        height, width = frame.shape[:2]
        (x0, x1), (y0, y1) = self._columns, self._rows
        corners = matrix @ np.array([[x0, x1, x0, x1], [y0, y0, y1, y1], [1, 1, 1, 1]], np.float64)
        left, top = (max(0, math.floor(v) - 4) for v in corners.min(axis=1))
        right, bottom = (
            min(end, math.ceil(v) + 4) for end, v in zip((width, height), corners.max(axis=1), strict=True)
        )
        if left >= right or top >= bottom:
            return
        image = self._canvas.image
        if self._pulse is not None:
            image = cv2.convertScaleAbs(image, alpha=self._pulse(view.seconds))
        size = (right - left, bottom - top)
        light = cv2.warpAffine(
            image, matrix - ((0, 0, left), (0, 0, top)), size, dst=view.scratch.sheet(size), flags=cv2.INTER_LINEAR
        )
        box = frame[top:bottom, left:right]
        cv2.add(box, light, dst=box)


class Halo:
    """Many glows as one. They are added up in a small picture first, which is fast."""

    def __init__(self, *canvases: tuple[Canvas, Callable[[float], float]]) -> None:
        self._canvases = canvases

    def draw(self, frame: Pixels, view: View) -> None:
        height, width = frame.shape[:2]
        size = (max(2, width // 4), max(2, height // 4))
        shrink = np.array([[size[0] / width], [size[1] / height]])
        total = np.zeros((size[1], size[0], 4), np.uint8)
        for canvas, pulse in self._canvases:
            light = cv2.warpAffine(canvas.image, canvas_matrix(canvas, view) * shrink, size, flags=cv2.INTER_LINEAR)
            cv2.add(total, cv2.convertScaleAbs(light, alpha=pulse(view.seconds)), dst=total)
        light = cv2.resize(
            total, (width, height), dst=view.scratch.sheet((width, height)), interpolation=cv2.INTER_LINEAR
        )
        cv2.add(frame, light, dst=frame)


def slow_pulse(period_s: float, low: float, phase: float = 0.0) -> Callable[[float], float]:
    """A slow pulse between `low` and 1."""
    return lambda seconds: 1 - (1 - low) * (0.5 + 0.5 * math.sin(2 * math.pi * seconds / period_s + phase))


def canvas_matrix(canvas: Canvas, view: View) -> Pixels:
    """The matrix from pixels of a canvas to pixels of the screen."""
    matrix = view.matrix(canvas.depth).copy()
    matrix[:, 2] -= matrix[:, :2] @ np.asarray(canvas.margin, np.float64)
    matrix[:, :2] /= canvas.scale
    return matrix


def _painted_span(painted: Pixels) -> tuple[int, int]:
    """The first painted index and the one after the last."""
    places = np.flatnonzero(painted)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _reshape(memory: Pixels, size: tuple[int, int]) -> Pixels:
    return memory[: size[0] * size[1] * 4].reshape(size[1], size[0], 4)


def _extent(alpha: Pixels) -> Extent:
    painted = np.flatnonzero(alpha.max(axis=1))
    if not len(painted):
        return Extent(len(alpha), 0, len(alpha))
    clear = np.flatnonzero(alpha.min(axis=1) < 255)
    return Extent(int(painted[0]), int(painted[-1]) + 1, int(clear[-1]) + 1 if len(clear) else 0)


def _blend(below: Pixels, above: Pixels, view: View) -> None:
    """Blend premultiplied `above` over an opaque frame."""
    height, width = above.shape[:2]
    shade = view.scratch.shade((width, height))
    cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(above, 3)), cv2.COLOR_GRAY2BGRA, dst=shade)
    cv2.multiply(below, shade, dst=below, scale=1 / 255)
    cv2.add(below, above, dst=below)


def _screen_rows(matrix: Pixels, row: int, size: tuple[int, int]) -> tuple[int, int]:
    """The first and last row of the screen that a row of a canvas covers, over the whole width."""
    (a, _, tx), (c, d, ty) = matrix.tolist()
    width, height = size
    left, right = d * row + ty - c * tx / a, d * row + ty + c * (width - tx) / a
    low, high = (left, right) if left < right else (right, left)
    return max(0, min(height, math.floor(low) - 1)), max(0, min(height, math.ceil(high) + 1))
