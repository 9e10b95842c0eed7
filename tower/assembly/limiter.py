"""Lowers peaks to a ceiling, smoothly, and leaves everything else as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from tower.assembly.cut import SAMPLE_RATE_HZ
from tower.conform.sound import Samples

REACH = round(0.005 * SAMPLE_RATE_HZ)  # samples before and after a peak in which the level falls and rises
CONTEXT = 2 * REACH + 64
OVERSAMPLING = 4  # finds the peaks between samples, as true peak meters do
NEAR = 0.7  # below this share of the ceiling, no peak between samples is above it


def limit_peaks(pieces: Iterable[Samples], ceiling: float) -> Iterator[Samples]:
    """The same samples with no true peak above the factor `ceiling`. Pieces have CONTEXT samples or more."""
    before = current = None
    for following in pieces:
        if current is not None:
            yield _limited(before, current, following, ceiling)
            before = current
        current = following
    if current is not None:
        yield _limited(before, current, None, ceiling)


def _limited(before: Samples | None, current: Samples, following: Samples | None, ceiling: float) -> Samples:
    empty = np.zeros((2, 0), np.float32)
    left = empty if before is None else before[:, -CONTEXT:]
    right = empty if following is None else following[:, :CONTEXT]
    around = np.concatenate([left, current, right], axis=1)
    if not around.size or float(np.max(np.abs(around))) < NEAR * ceiling:
        return current
    gains = _gains(around, ceiling)[left.shape[1] : left.shape[1] + current.shape[1]]
    return np.asarray(current * gains, np.float32)


def _gains(samples: Samples, ceiling: float) -> npt.NDArray[np.float32]:
    """The least of all gains that are needed nearby, smoothed over a shorter stretch, so that it is reached in time."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d  # SciPy takes 1 s and 70 MB
    from scipy.signal import resample_poly

    dense = np.abs(resample_poly(samples, OVERSAMPLING, 1, axis=1)).max(axis=0)
    peaks = dense.reshape(-1, OVERSAMPLING).max(axis=1)
    peaks = np.maximum(peaks, np.roll(peaks, 1))  # a peak between two samples counts for both
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    least = minimum_filter1d(needed, 2 * REACH + 1, mode="nearest")
    return np.asarray(uniform_filter1d(least, 2 * (REACH // 2) + 1, mode="nearest"), np.float32)
