"""The stage: what all painters of one shot share, and the canvases they paint on."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from tower_animatic.camera import Camera
from tower_animatic.mood import Setting
from tower_animatic.paint import Pixels, Points, veil
from tower_animatic.palette import Palette


@dataclass(frozen=True)
class Stage:
    """Places are given as shares of the frame (0,0 upper left … 1,1 lower right; beyond is off-screen), lengths in
    units: one unit is the frame's height, less in a narrow portrait frame."""

    width: int
    height: int
    seed: int
    setting: Setting
    palette: Palette
    camera: Camera
    style: str

    @property
    def unit(self) -> float:
        """Pixels."""
        return min(self.height, 1.3 * self.width)

    def rng(self, label: str) -> np.random.Generator:
        """A source of chance for one purpose: painters do not disturb each other's."""
        return np.random.default_rng([self.seed & 0xFFFFFFFF, zlib.crc32(label.encode())])


class Canvas:
    """A transparent sheet at one depth (0 the horizon, 1 where the figures stand, more is nearer), wide enough for
    the camera's whole way. Painted in BGRA, premultiplied."""

    def __init__(self, stage: Stage, depth: float, scale: float = 1.0) -> None:
        self.stage = stage
        self.depth = depth
        self.scale = scale
        across, down = stage.camera.margin(depth)
        self.margin = (round(across * stage.unit) + 2, round(down * stage.unit) + 2)
        width = round((stage.width + 2 * self.margin[0]) * scale)
        height = round((stage.height + 2 * self.margin[1]) * scale)
        self.image: Pixels = np.zeros((height, width, 4), np.uint8)

    @property
    def unit(self) -> float:
        """Pixels of this canvas."""
        return self.stage.unit * self.scale

    @property
    def left(self) -> float:
        """The left edge, as a share of the frame's width (below 0)."""
        return -self.margin[0] / self.stage.width

    @property
    def right(self) -> float:
        return 1 - self.left

    @property
    def bottom(self) -> float:
        return 1 + self.margin[1] / self.stage.height

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of a place given in shares of the frame."""
        return (
            (x * self.stage.width + self.margin[0]) * self.scale,
            (y * self.stage.height + self.margin[1]) * self.scale,
        )

    def places(self, points: Points) -> Pixels:
        """Pixels of places given in shares of the frame."""
        p = np.asarray(points, np.float32)
        return (p * (self.stage.width, self.stage.height) + self.margin) * self.scale

    def shape(self, x: float, y: float, points: Points) -> Pixels:
        """Pixels of points given in units around a place."""
        return np.asarray(points, np.float32) * self.unit + self.at(x, y)

    def across(self, count: int) -> Pixels:
        """`count` shares from the left edge of the sheet to the right one."""
        return np.linspace(self.left, self.right, count)

    def rows(self) -> Pixels:
        """For each row of pixels its place as a share of the frame's height."""
        count = len(self.image)
        return (np.arange(count, dtype=np.float32) / self.scale - self.margin[1]) / self.stage.height

    def mist(self, top: float, bottom: float, strength: float) -> None:
        """Let the haze of the air rise from `bottom` and fade towards `top`."""
        share = np.clip((self.rows() - top) / (bottom - top), 0, 1)
        veil(self.image, self.stage.palette.haze, strength * share * share * (3 - 2 * share))
