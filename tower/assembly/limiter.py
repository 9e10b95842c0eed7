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


def limit_peaks(pieces: Iterable[tuple[Samples, float]]) -> Iterator[Samples]:
    """The same samples with no true peak above the ceiling of its piece, a factor. Pieces have CONTEXT samples or more.

    A piece depends on those beside it only, so a part of the film comes out as it does in the whole.
    """
    before = current = None
    for following in pieces:
        if current is not None:
            yield _limited(before, current, following)
            before = current
        current = following
    if current is not None:
        yield _limited(before, current, None)


def _limited(
    before: tuple[Samples, float] | None, current: tuple[Samples, float], following: tuple[Samples, float] | None
) -> Samples:
    samples, ceiling = current
    left = None if before is None else before[0][:, -CONTEXT:] / np.float32(before[1])
    right = None if following is None else following[0][:, :CONTEXT] / np.float32(following[1])
    beside = [side for side in (left, samples / np.float32(ceiling), right) if side is not None]
    around = np.concatenate(beside, axis=1)
    if not around.size or float(np.max(np.abs(around))) < NEAR:
        return samples
    start = 0 if left is None else left.shape[1]
    return np.asarray(samples * _gains(around)[start : start + samples.shape[1]], np.float32)


def _gains(samples: Samples) -> npt.NDArray[np.float32]:
    """The least of all gains that are needed nearby, smoothed over a shorter stretch, so that it is reached in time."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d  # SciPy takes 1 s and 70 MB
    from scipy.signal import resample_poly

    dense = np.abs(resample_poly(samples, OVERSAMPLING, 1, axis=1)).max(axis=0)
    peaks = dense.reshape(-1, OVERSAMPLING).max(axis=1)
    peaks = np.maximum(peaks, np.roll(peaks, 1))  # a peak between two samples counts for both
    needed = 1 / np.maximum(peaks, 1)
    least = minimum_filter1d(needed, 2 * REACH + 1, mode="nearest")
    return np.asarray(uniform_filter1d(least, 2 * (REACH // 2) + 1, mode="nearest"), np.float32)
