"""Measures every decoded picture once, at small sizes, where grain and compression average out."""

from __future__ import annotations

from dataclasses import dataclass, field

from av.video.frame import VideoFrame

from tower.quality import pictures
from tower.quality.pictures import Levels

LONG_SIDE_PX = 128  # pixels of the picture on which motion is measured
LIT_LEVEL = 16 + 0.08 * 219  # a pixel below 8 % of the range is dark
MAX_NOISE = 1.0  # mean levels by which heavy grain can change a picture of this size; more is motion
MAX_DRIFT, DRIFT_PER_NOISE = (
    0.12,
    0.7,
)  # mean levels away from the anchor, and how much more is allowed per level of noise
MIN_JUMP, MAX_JUMP = 2.5, 6.0  # levels by which a pixel leaves the anchor: 7.5 times the noise, within these two
MAX_JUMPED_SHARE = 3e-4  # share of such pixels: five of 128 × 128, a blink


@dataclass(frozen=True)
class PictureComparison:
    """A picture compared with the one before.

    change: mean difference, in levels. change_from_earlier: mean difference from the one before that, or None.
    likeness: correlation at the best shift, −1…1; None if one of them is flat.
    is_still: apart from noise it equals the last picture that moved, the anchor.
    block_changes: the mean difference in each block, in levels.
    """

    change: float
    change_from_earlier: float | None
    likeness: float | None
    is_still: bool
    block_changes: Levels


@dataclass(frozen=True)
class PictureStats:
    """The statistics of one picture.

    lit_share: share of pixels above 8 % brightness. spread: standard deviation of brightness or colour, in levels.
    neighbour_correlation: of pixels at an eighth of the size, the size of a latent; None if flat.
    detail: standard deviation in each block, in levels. comparison: None for the first picture.
    """

    lit_share: float
    spread: float
    neighbour_correlation: float | None
    detail: Levels
    comparison: PictureComparison | None


@dataclass
class PictureMeter:
    """Measures the pictures of one clip in order; `stats` has one entry for each."""

    stats: list[PictureStats] = field(default_factory=list)
    _anchor: Levels | None = None
    _before: Levels | None = None
    _before_that: Levels | None = None

    def add_frame(self, frame: VideoFrame) -> None:
        light, blue, red, full = pictures.split_planes(frame)
        small = pictures.to_levels(pictures.shrink(light, max(light.shape) / LONG_SIDE_PX), full=full)
        eighth = pictures.to_levels(pictures.shrink(light, 8), full=full)
        colour = max(pictures.spread(pictures.shrink(plane, max(plane.shape) / 64)) for plane in (blue, red))
        soft = pictures.soften(small)
        self.stats.append(
            PictureStats(
                lit_share=float((small > LIT_LEVEL).mean()),
                spread=max(pictures.spread(eighth), colour),
                neighbour_correlation=pictures.neighbour_correlation(eighth),
                detail=pictures.block_spreads(soft),
                comparison=self._compare(soft),
            )
        )
        self._before, self._before_that = soft, self._before

    def _compare(self, soft: Levels) -> PictureComparison | None:
        before, earlier = self._before, self._before_that
        if self._anchor is None or before is None or before.shape != soft.shape:
            self._anchor, self._before = soft, None
            return None
        difference = pictures.absolute_difference(soft, before)
        change = float(difference.mean())
        recent = (look.comparison.change for look in self.stats[-2:] if look.comparison)
        still = _is_still(soft, self._anchor, noise=min(max(change, *recent, 0.0), MAX_NOISE))
        if not still:
            self._anchor = soft
        return PictureComparison(
            change=change,
            change_from_earlier=None if earlier is None else float(pictures.absolute_difference(soft, earlier).mean()),
            likeness=pictures.measure_likeness(soft, before),
            is_still=still,
            block_changes=pictures.block_means(difference),
        )


def _is_still(soft: Levels, anchor: Levels, *, noise: float) -> bool:
    """Whether the two differ by noise only. A slow camera drifts away from the anchor; a still one does not."""
    difference = pictures.absolute_difference(soft, anchor)
    drift = max(float(difference.mean()) ** 2 - noise**2, 0.0) ** 0.5
    jump = min(max(7.5 * noise, MIN_JUMP), MAX_JUMP)
    return drift < MAX_DRIFT + DRIFT_PER_NOISE * noise and float((difference > jump).mean()) < MAX_JUMPED_SHARE
