"""Measures every decoded picture once, at small sizes, where grain and compression average out."""

from __future__ import annotations

from dataclasses import dataclass, field

from av.video.frame import VideoFrame

from tower.quality import pictures
from tower.quality.pictures import Levels

LONG_SIDE = 128  # pixels of the picture on which motion is measured
LIT = 16 + 0.08 * 219  # a pixel below 8 % of the range is dark
NOISE = 1.0  # mean levels by which heavy grain can change a picture of this size; more is motion
DRIFT, DRIFT_NOISE = 0.12, 0.7  # mean levels away from the anchor, and how much more is allowed per level of noise
JUMP, JUMP_MOST = 2.5, 6.0  # levels by which a pixel leaves the anchor: 7.5 times the noise, within these two
JUMPED = 3e-4  # share of such pixels: five of 128 × 128, a blink


@dataclass(frozen=True)
class Comparison:
    """A picture compared with the one before.

    change: mean difference, in levels. change_from_earlier: mean difference from the one before that, or None.
    likeness: correlation at the best shift, −1…1; None if one of them is flat.
    is_still: apart from noise it equals the last picture that moved, the anchor.
    block_changes: the mean difference in each block, in levels.
    """

    change: float
    back: float | None
    likeness: float | None
    still: bool
    blocks: Levels


@dataclass(frozen=True)
class Look:
    """The statistics of one picture.

    lit_share: share of pixels above 8 % brightness. spread: standard deviation of brightness or colour, in levels.
    neighbour_correlation: of pixels at an eighth of the size, the size of a latent; None if flat.
    detail: standard deviation in each block, in levels. comparison: None for the first picture.
    """

    lit: float
    spread: float
    order: float | None
    detail: Levels
    beside: Comparison | None


@dataclass
class Eye:
    """Measures the pictures of one clip in order; `stats` has one entry for each."""

    looks: list[Look] = field(default_factory=list)
    _anchor: Levels | None = None
    _before: Levels | None = None
    _before_that: Levels | None = None

    def see(self, frame: VideoFrame) -> None:
        light, blue, red, full = pictures.planes(frame)
        small = pictures.levels(pictures.shrunk(light, max(light.shape) / LONG_SIDE), full=full)
        eighth = pictures.levels(pictures.shrunk(light, 8), full=full)
        colour = max(pictures.spread(pictures.shrunk(plane, max(plane.shape) / 64)) for plane in (blue, red))
        soft = pictures.softened(small)
        self.looks.append(
            Look(
                lit=float((small > LIT).mean()),
                spread=max(pictures.spread(eighth), colour),
                order=pictures.order(eighth),
                detail=pictures.block_spreads(soft),
                beside=self._compare(soft),
            )
        )
        self._before, self._before_that = soft, self._before

    def _compare(self, soft: Levels) -> Comparison | None:
        before, earlier = self._before, self._before_that
        if self._anchor is None or before is None or before.shape != soft.shape:
            self._anchor, self._before = soft, None
            return None
        difference = pictures.difference(soft, before)
        change = float(difference.mean())
        recent = (look.beside.change for look in self.looks[-2:] if look.beside)
        still = _is_still(soft, self._anchor, noise=min(max(change, *recent, 0.0), NOISE))
        if not still:
            self._anchor = soft
        return Comparison(
            change=change,
            back=None if earlier is None else float(pictures.difference(soft, earlier).mean()),
            likeness=pictures.likeness(soft, before),
            still=still,
            blocks=pictures.block_means(difference),
        )


def _is_still(soft: Levels, anchor: Levels, *, noise: float) -> bool:
    """Whether the two differ by noise only. A slow camera drifts away from the anchor; a still one does not."""
    difference = pictures.difference(soft, anchor)
    drift = max(float(difference.mean()) ** 2 - noise**2, 0.0) ** 0.5
    jump = min(max(7.5 * noise, JUMP), JUMP_MOST)
    return drift < DRIFT + DRIFT_NOISE * noise and float((difference > jump).mean()) < JUMPED
