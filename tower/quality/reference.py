"""Reads the figure in a character's reference image: the picture, and which of its pixels belong to the figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tower.errors import InvalidError
from tower.media.pictures import EXPECTED_PICTURE, decode_picture
from tower.quality.pictures import Levels, Samples

MAX_PLAIN_SPREAD = 14.0  # levels of spread below which the colours of a border are a plain background
FIGURE_SHARE_RANGE = (0.06, 0.9)  # share of a picture that a figure takes in front of a plain background
OVAL_SIZE = 0.8  # half axes of the oval that is taken as the figure in front of a busy background


@dataclass(frozen=True)
class ReferenceFigure:
    """`picture` is in BGR. `coverage` is how much of each pixel belongs to the figure, 0–1."""

    name: str
    picture: Samples
    coverage: Levels


def read_figure(name: str, path: Path) -> ReferenceFigure:
    """Cut the figure out by its transparency or from a plain background, or else take the middle of the picture.

    Raises InvalidError if the file is not a picture.
    """
    image = _read(path)
    if image is None:
        raise InvalidError.field(f"reference image of {name}", str(path), EXPECTED_PICTURE)
    picture = np.ascontiguousarray(image[..., :3])
    if image.shape[2] == 4 and image[..., 3].min() < 128:
        return ReferenceFigure(name, picture, _to_coverage(image[..., 3]))
    cut = _cut_from_plain_background(picture)
    return ReferenceFigure(name, picture, _oval_coverage(picture.shape[:2]) if cut is None else cut)


def _read(path: Path) -> Samples | None:
    """The picture as BGR or BGRA of 8 bits; None if the file is not one."""
    image = decode_picture(path)
    if image is None:
        return None
    if image.dtype != np.uint8:
        image = cv2.convertScaleAbs(image, alpha=255 / max(1.0, float(image.max())))
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8) if image.shape[2] in (3, 4) else None


def _cut_from_plain_background(picture: Samples) -> Levels | None:
    """Flood the background from corners and sides. None if it is not plain or the rest is not the size of a figure."""
    height, width = picture.shape[:2]
    border = np.concatenate([picture[0], picture[: height // 2, 0], picture[: height // 2, -1]])
    if border.astype(np.float32).std(axis=0).max() >= MAX_PLAIN_SPREAD:
        return None
    flood = np.zeros((height + 2, width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    for x in (0, width - 1):
        for y in (0, height // 2, height - 1):
            cv2.floodFill(picture, flood, (x, y), (0, 0, 0), (18, 18, 18), (18, 18, 18), flags)
    cover = _to_coverage(np.asarray(cv2.erode(255 - flood[1:-1, 1:-1], np.ones((3, 3), np.uint8)), np.uint8))
    return cover if FIGURE_SHARE_RANGE[0] < float(cover.mean()) < FIGURE_SHARE_RANGE[1] else None


def _oval_coverage(size: tuple[int, int]) -> Levels:
    """An oval in the middle that reaches down to the lower edge."""
    y, x = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None], np.linspace(-1, 1, size[1], dtype=np.float32)[None]
    edge = (np.abs(x) ** 4 + np.abs(np.minimum(y, 0)) ** 4) ** 0.25
    return np.asarray(edge < OVAL_SIZE, np.float32)


def _to_coverage(alpha: Samples) -> Levels:
    return np.asarray(alpha, np.float32) / np.float32(255)
