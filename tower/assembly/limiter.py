"""Lowers peaks to a ceiling, smoothly, and leaves everything else as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tower.assembly.cut import SAMPLE_RATE_HZ
from tower.conform.sound import Samples

REACH = round(0.005 * SAMPLE_RATE_HZ)  # samples before and after a peak in which the level falls and rises
CONTEXT = 2 * REACH + 64
OVERSAMPLING = 4  # finds the peaks between samples, as true peak meters do
TAPS = 20  # samples from which a value between two of them is interpolated
STRETCH = 2400  # samples that are interpolated, or none of them
NEAR = 0.7  # below this share of the ceiling, no peak between samples is above it

Gains = npt.NDArray[np.float32]


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


def _gains(samples: Samples) -> Gains:
    """The least of all gains that are needed nearby, smoothed over a shorter stretch, so that it is reached in time."""
    needed = np.asarray(1 / np.maximum(_peaks(samples), 1), np.float32)
    if needed.min() == 1:
        return needed
    return _mean_nearby(_least_nearby(needed, REACH), REACH // 2)


def _peaks(samples: Samples) -> Gains:
    """The highest level at each sample, and between it and those beside it. Where all is quiet nothing is between."""
    highest = np.asarray(np.abs(samples).max(axis=0), np.float32)
    between = np.zeros_like(highest)
    padded = np.pad(samples, ((0, 0), (TAPS // 2, TAPS // 2)))
    for start in range(0, len(highest), STRETCH):
        if highest[max(0, start - 2) : start + STRETCH + 2].max() >= NEAR:
            channels = padded[:, start : start + STRETCH + TAPS]
            values = [np.abs(np.convolve(channel, phase, "valid")) for channel in channels for phase in _phases()]
            between[start : start + STRETCH] = np.max(values, axis=0)
    highest = np.maximum(highest, between)
    highest[1:] = np.maximum(highest[1:], between[:-1])
    return highest


@lru_cache(maxsize=1)
def _phases() -> tuple[Gains, ...]:
    """The filters that interpolate the values after a sample: a sinc in a Kaiser window."""
    phases = []
    for number in range(1, OVERSAMPLING):
        at = np.arange(-(TAPS // 2), TAPS // 2 + 1) + number / OVERSAMPLING
        window = np.i0(5.0 * np.sqrt(np.maximum(0, 1 - (at / (TAPS / 2)) ** 2))) / np.i0(5.0)
        phases.append(np.asarray(np.sinc(at) * window, np.float32))
    return tuple(phases)


def _least_nearby(values: Gains, reach: int) -> Gains:
    """The least value within `reach` on both sides, by doubling the stretch that is looked at."""
    stretch, least = 1, np.pad(values, reach, mode="edge")
    while stretch < 2 * reach + 1:
        step = min(stretch, 2 * reach + 1 - stretch)
        least = np.minimum(least[: len(least) - step], least[step:])
        stretch += step
    return least


def _mean_nearby(values: Gains, reach: int) -> Gains:
    sums = np.cumsum(np.pad(values, (reach + 1, reach), mode="edge"), dtype=np.float64)
    return np.asarray((sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1), np.float32)
