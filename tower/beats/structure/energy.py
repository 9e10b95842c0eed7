"""Measures the energy over time, and finds sudden rises that last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from tower.beats.structure.results import Drop

MAX_POINTS = 400
MIN_STEP_S = 0.25
COMPARED_S = 5.0  # compared before and after a rise
SEARCH_S = 3.0  # around a rise: the steepest second is looked for here
MIN_RISE_DB = 7.0
MIN_SHARE = 0.5  # of the loudest amplitude: a drop leads to at least this
MIN_DISTANCE_S = 8.0
MIN_POWER = 1e-8  # −80 dB

Power = NDArray[np.floating]
Times = NDArray[np.float64]


def energy_curve(power: Power, fps: float) -> tuple[tuple[float, ...], float]:
    """Amplitudes relative to the loudest, 0–1, in at most MAX_POINTS steps, and the length of a step in seconds."""
    if not len(power):
        return (), MIN_STEP_S
    frames = max(round(MIN_STEP_S * fps), -(-len(power) // MAX_POINTS), 1)
    starts = np.arange(0, len(power), frames)
    means = np.add.reduceat(power.astype(float), starts) / np.diff(np.append(starts, len(power)))
    return tuple(round(float(one), 3) for one in _relative_amplitudes(means)), frames / fps


def mean_amplitude(power: Power, fps: float, start_s: float, end_s: float) -> float:
    """The mean amplitude of a stretch relative to the loudest two seconds, 0–1."""
    part = power[int(start_s * fps) : max(int(end_s * fps), int(start_s * fps) + 1)]
    loudest = _moving_mean(power, round(2 * fps)).max(initial=MIN_POWER)
    return round(float(np.sqrt(min(1.0, part.mean() / loudest))), 3) if len(part) else 0.0


def find_drops(
    power: Power, fps: float, *, starts_s: NDArray[np.float64], beats_s: NDArray[np.float64]
) -> tuple[Drop, ...]:
    """Find sudden rises that last. Each is at the start of a section within a second of it, else on the nearest beat.

    This compares medians, so that one bar without drums does not count as the quiet before a drop.
    """
    size, second = round(COMPARED_S * fps), round(fps)
    if len(power) < 3 * size:
        return ()
    seconds = _moving_mean(power, second)
    lasting = median_filter(seconds, size, mode="nearest")
    rises = _decibels(lasting[size:], lasting[:-size])
    rises[lasting[size:] < MIN_SHARE**2 * lasting.max()] = 0
    found: list[Drop] = []
    while (top := int(rises.argmax())) >= 0 and rises[top] >= MIN_RISE_DB:
        first = max(0, top + size // 2 - round(SEARCH_S * fps))
        around = slice(first, first + round(2 * SEARCH_S * fps))
        sudden = int(_decibels(seconds[second:][around], seconds[:-second][around]).argmax())
        time_s = _snap_time((first + sudden + second - 0.5) / fps, starts_s, beats_s)
        found.append(Drop(time_s, round(float(min(rises[top], 60.0)), 2)))
        rises[max(0, top - round(MIN_DISTANCE_S * fps)) : top + round(MIN_DISTANCE_S * fps)] = 0
    return tuple(sorted({drop.time_s: drop for drop in found}.values(), key=lambda drop: drop.time_s))


def _decibels(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(after, MIN_POWER) / np.maximum(before, MIN_POWER)))


def _snap_time(time_s: float, *times_s: NDArray[np.float64]) -> float:
    """The nearest time within a second, in the first array that has one; else `time_s`."""
    for candidates in times_s:
        near = candidates[np.abs(candidates - time_s) < 1.0]
        if len(near):
            return round(float(near[np.abs(near - time_s).argmin()]), 4)
    return round(time_s, 4)


def _moving_mean(power: Power, size: int) -> NDArray[np.float64]:
    """The mean of each window of `size` values; at least one window."""
    size = max(1, min(size, len(power)))
    sums = np.concatenate([[0.0], np.cumsum(power, dtype=float)])
    return np.asarray((sums[size:] - sums[:-size]) / size)


def _relative_amplitudes(power: NDArray[np.float64]) -> NDArray[np.float64]:
    loudest = float(power.max(initial=0.0))
    return np.sqrt(power / loudest) if loudest > MIN_POWER else np.zeros(len(power))
