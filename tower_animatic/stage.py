"""The stage that all painters of one shot share, and the canvases that they paint on."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from tower_animatic.camera import Camera
from tower_animatic.mood import Setting
from tower_animatic.paint import Pixels, Points, add_veil
from tower_animatic.palette import Palette


@dataclass(frozen=True)
class Stage:
    """The size, setting and camera of a shot, and its coordinates.

    Positions are shares of the frame: 0,0 is the upper left, 1,1 the lower right, and values beyond are off-screen.
    Lengths are in units: one unit is the height of the frame, less in a narrow portrait frame.
    """

    width: int
    height: int
    seed: int
    setting: Setting
    palette: Palette
    camera: Camera
    style: str

    @property
    def unit(self) -> float:
        """One unit in pixels."""
        return min(self.height, 1.3 * self.width)

    def rng(self, label: str) -> np.random.Generator:
        """A random generator for one purpose, independent of those of other painters."""
        return np.random.default_rng([self.seed & 0xFFFFFFFF, zlib.crc32(label.encode())])


class Canvas:
    """A transparent sheet at one depth, in premultiplied BGRA, wide enough for the whole movement of the camera.

    Depth 0 is the horizon and 1 the figures; larger values are nearer.
    """

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
        """One unit in pixels of this canvas."""
        return self.stage.unit * self.scale

    @property
    def left(self) -> float:
        """The left edge as a share of the frame's width (below 0)."""
        return -self.margin[0] / self.stage.width

    @property
    def right(self) -> float:
        return 1 - self.left

    @property
    def bottom(self) -> float:
        return 1 + self.margin[1] / self.stage.height

    def point(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a point given in shares of the frame."""
        return (
            (x * self.stage.width + self.margin[0]) * self.scale,
            (y * self.stage.height + self.margin[1]) * self.scale,
        )

    def points(self, points: Points) -> Pixels:
        """The pixels of points given in shares of the frame."""
        p = np.asarray(points, np.float32)
        return (p * (self.stage.width, self.stage.height) + self.margin) * self.scale

    def shape(self, x: float, y: float, points: Points) -> Pixels:
        """The pixels of points given in units around (x, y)."""
        return np.asarray(points, np.float32) * self.unit + self.point(x, y)

    def across(self, count: int) -> Pixels:
        """`count` evenly spaced shares from the left to the right edge of the sheet."""
        return np.linspace(self.left, self.right, count)

    def rows(self) -> Pixels:
        """The position of each row of pixels as a share of the frame's height."""
        count = len(self.image)
        return (np.arange(count, dtype=np.float32) / self.scale - self.margin[1]) / self.stage.height

    def add_mist(self, top: float, bottom: float, strength: float) -> None:
        """Add haze that is densest at `bottom` and fades towards `top`."""
        share = np.clip((self.rows() - top) / (bottom - top), 0, 1)
        add_veil(self.image, self.stage.palette.haze, strength * share * share * (3 - 2 * share))
