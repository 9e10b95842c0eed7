"""Finds where a figure fits best into a picture, and how well.

In several sizes, the figure is compared with the places of the picture where brightness correlates best. The place that
agrees best in shape and colour is the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tower.quality.pictures import Levels, Samples
from tower.quality.reference import ReferenceFigure

HEIGHT_SHARES = (0.22, 0.28, 0.35, 0.44, 0.55, 0.69, 0.86, 1.0)  # of the figure, as shares of the frame's height
PLACES_PER_SIZE = 3  # places with the best correlation that are compared in each size
MIN_CORRELATION = 0.2  # correlation below which a place is not compared
GAIN_RANGE = (0.6, 1.7)  # factors by which light may dim or brighten a colour channel
MIN_PIXELS, MIN_WIDTH_PX = 30, 6  # of a template
# The logistic fit of docs/quality.md.
SHAPE_WEIGHT, COLOUR_WEIGHT, TINT_WEIGHT, HEIGHT_WEIGHT, BIAS = 7.7, -0.23, -0.15, 4.6, -0.8


@dataclass(frozen=True)
class TemplateMatch:
    """How well the figure matches one place of a picture.

    shape: correlation of brightness, −1…1. colour: mean distance in CIELAB after correction for the light. tint: mean
    distance in a and b of CIELAB without correction. height: of the figure, as a share of the picture's.
    """

    shape: float
    colour: float
    tint: float
    height: float

    @property
    def log_odds(self) -> float:
        """Natural logarithm of the odds that this is the character and not another one."""
        return (
            SHAPE_WEIGHT * self.shape
            + COLOUR_WEIGHT * self.colour
            + TINT_WEIGHT * self.tint
            + HEIGHT_WEIGHT * self.height
            + BIAS
        )


@dataclass(frozen=True)
class FigureTemplate:
    """The figure in one size: its brightness, the pixels that belong to it, and their colours in BGR."""

    grey: Levels
    mask: Levels
    is_figure: npt.NDArray[np.bool_]
    colours: Levels
    height: float


def build_templates(figure: ReferenceFigure, picture_size: tuple[int, int]) -> list[FigureTemplate]:
    """The figure in all sizes that fit into a picture of (height, width)."""
    fitted = (_build_template(figure, share, picture_size) for share in HEIGHT_SHARES)
    return [template for template in fitted if template is not None]


def find_best_match(picture: Samples, templates: Sequence[FigureTemplate]) -> TemplateMatch | None:
    """The match with the highest odds, over all sizes and places; None if nothing correlates enough."""
    colours = picture.astype(np.float32)
    grey = np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY), np.float32)
    matches = (fit for template in templates for fit in _matches(colours, grey, template))
    return max(matches, key=lambda fit: fit.log_odds, default=None)


def _build_template(figure: ReferenceFigure, share: float, size: tuple[int, int]) -> FigureTemplate | None:
    rows, columns = figure.picture.shape[:2]
    scale = min(share * size[0] / rows, size[1] / columns)
    width, height = round(columns * scale), round(rows * scale)
    if width < MIN_WIDTH_PX or not 0 < height <= size[0]:
        return None
    small = np.asarray(cv2.resize(figure.picture, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    inside = np.asarray(cv2.resize(figure.coverage, (width, height), interpolation=cv2.INTER_AREA)) > 0.5
    if int(inside.sum()) < MIN_PIXELS:
        return None
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
    return FigureTemplate(grey, inside.astype(np.float32), inside, small[inside], height / size[0])


def _matches(picture: Levels, grey: Levels, template: FigureTemplate) -> Iterator[TemplateMatch]:
    likeness = np.asarray(cv2.matchTemplate(grey, template.grey, cv2.TM_CCOEFF_NORMED, mask=template.mask))
    likeness[~np.isfinite(likeness) | (np.abs(likeness) > 1.001)] = -1  # flat places have no correlation
    height, width = template.grey.shape
    for _ in range(PLACES_PER_SIZE):
        _, shape, _, (x, y) = cv2.minMaxLoc(likeness)
        if shape < MIN_CORRELATION:
            return
        seen = picture[y : y + height, x : x + width][template.is_figure]
        colour, tint = _colour_distances(seen, template.colours)
        yield TemplateMatch(float(shape), colour, tint, template.height)
        likeness[max(0, y - height // 6) : y + height // 6 + 1, max(0, x - width // 4) : x + width // 4 + 1] = -1


def _colour_distances(seen: Levels, expected: Levels) -> tuple[float, float]:
    """Mean distances in CIELAB: of colour after correction for the light, and of tint without it."""
    gain = np.clip((expected.mean(axis=0) + 8) / (seen.mean(axis=0) + 8), *GAIN_RANGE)
    target = _lab(expected)
    colour = np.linalg.norm(_lab(seen * gain) - target, axis=1).mean()
    tint = np.linalg.norm((_lab(seen) - target)[:, 1:], axis=1).mean()
    return float(colour), float(tint)


def _lab(colours: Levels) -> Levels:
    """CIELAB (L 0–100) of colours in BGR (0–255)."""
    unit = np.clip(colours.reshape(-1, 1, 3) / 255, 0, 1).astype(np.float32)
    return np.asarray(cv2.cvtColor(unit, cv2.COLOR_BGR2LAB), np.float32).reshape(-1, 3)
