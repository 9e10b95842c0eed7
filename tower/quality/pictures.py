"""Calculations on one or two small pictures. Brightness is in levels of 8-bit video: 16 is black, 235 white."""

from __future__ import annotations

from typing import TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

Samples = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float32]
_Picture = TypeVar("_Picture", Samples, Levels)

FULL_RANGE = 2  # AVCOL_RANGE_JPEG
PLANAR_FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p")  # one byte per sample, brightness first
FLAT_SPREAD = 1.2  # levels of spread below which a picture is flat
MIN_DEVIATION_RATIO = (
    0.7  # mean over standard deviation: noise has 0.8, an even distribution 0.87, scattered points less than 0.6
)


def split_planes(frame: VideoFrame) -> tuple[Samples, Samples, Samples, bool]:
    """Brightness, two colours, and whether they use the full range 0…255. Views into the frame where possible."""
    picture = frame if frame.format.name in PLANAR_FORMATS else frame.reformat(format="yuv420p")
    full = picture.color_range == FULL_RANGE or picture.format.name.startswith("yuvj")
    light, blue, red = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in picture.planes
    )
    return light, blue, red, full


def to_levels(samples: Samples, *, full: bool) -> Levels:
    values = samples.astype(np.float32)
    return values * np.float32(219 / 255) + np.float32(16) if full else values


def shrink(picture: Samples, factor: float) -> Samples:
    """Each pixel of the result is the mean of the area it covers. Never enlarges."""
    return _resize(picture, max(factor, 1.0))


def soften(picture: Levels) -> Levels:
    return np.asarray(cv2.GaussianBlur(picture, (5, 5), 1.0), np.float32)


def absolute_difference(first: Levels, second: Levels) -> Levels:
    return np.asarray(cv2.absdiff(first, second), np.float32)


def spread(picture: Samples | Levels) -> float:
    return float(picture.std())


def neighbour_correlation(picture: Levels) -> float | None:
    """Correlation of neighbouring pixels, the mean of both directions: near 1 in pictures, near 0 in noise.

    Outliers are clipped, because a few lit windows in the dark are not noise. None without enough to correlate: for a
    flat picture, and for a few points on a plain background, such as stars.
    """
    if min(picture.shape) < 2 or spread(picture) < FLAT_SPREAD:
        return None
    middle, width = float(picture.mean()), 2 * spread(picture)
    if float(np.abs(picture - middle).mean()) < MIN_DEVIATION_RATIO * spread(picture):
        return None
    clipped = picture.clip(middle - width, middle + width)
    return (_correlation(clipped[:, 1:], clipped[:, :-1]) + _correlation(clipped[1:], clipped[:-1])) / 2


def measure_likeness(first: Levels, second: Levels) -> float | None:
    """Correlation of two pictures: of their coarse shapes, or of the middle of one at its best position in the other.

    The higher of the two counts: rain leaves the shapes alike, a fast camera the middle. None if one of them is flat.
    """
    if spread(first) < FLAT_SPREAD or spread(second) < FLAT_SPREAD:
        return None
    small, template = _resize(first, 2), _resize(second, 2)
    height, width = (side // 5 for side in template.shape)
    middle = template[height : template.shape[0] - height, width : template.shape[1] - width]
    moved = cv2.matchTemplate(small, middle, cv2.TM_CCOEFF_NORMED) if spread(middle) > FLAT_SPREAD else np.array(-1.0)
    return max(_correlation(_resize(first, 8), _resize(second, 8)), float(moved.max()))


def block_means(picture: Levels) -> Levels:
    """The means of blocks of 8 × 8 pixels."""
    return _resize(picture, 8)


def block_spreads(picture: Levels) -> Levels:
    """The standard deviations within blocks of 8 × 8 pixels."""
    return np.asarray(np.sqrt((block_means(picture**2) - block_means(picture) ** 2).clip(0)), np.float32)


def _resize(picture: _Picture, by: float) -> _Picture:
    height, width = (max(1, round(side / by)) for side in picture.shape)
    return cast(_Picture, cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def _correlation(one: Levels, other: Levels) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 1.0
