"""How loud it is over time, and where it suddenly gets louder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from tower.beats.structure.results import Drop

MOST_POINTS = 400
SHORTEST_STEP_S = 0.25
AROUND_S = 5.0  # that are compared before and after
NEAR_S = 3.0  # from there to where it rises most in a second
LEAST_RISE_DB = 7.0
LEAST_SHARE = 0.5  # of the loudest seconds' amplitude, that a drop leads to
APART_S = 8.0
FAINT = 1e-8  # of power: −80 dB

Power = NDArray[np.floating]


def curve(power: Power, fps: float) -> tuple[tuple[float, ...], float]:
    """Amplitudes 0–1 beside the loudest, in at most MOST_POINTS steps; and how many seconds a step is."""
    if not len(power):
        return (), SHORTEST_STEP_S
    frames = max(round(SHORTEST_STEP_S * fps), -(-len(power) // MOST_POINTS), 1)
    starts = np.arange(0, len(power), frames)
    means = np.add.reduceat(power.astype(float), starts) / np.diff(np.append(starts, len(power)))
    return tuple(round(float(one), 3) for one in _shares(means)), frames / fps


def mean_share(power: Power, fps: float, start_s: float, end_s: float) -> float:
    """The mean amplitude of a stretch beside that of the loudest two seconds, 0–1."""
    part = power[int(start_s * fps) : max(int(end_s * fps), int(start_s * fps) + 1)]
    loudest = _mean_of(power, round(2 * fps)).max(initial=FAINT)
    return round(float(np.sqrt(min(1.0, part.mean() / loudest))), 3) if len(part) else 0.0


def drops(power: Power, fps: float, *, starts_s: NDArray[np.float64], beats_s: NDArray[np.float64]) -> tuple[Drop, ...]:
    """Sudden rises that last: each where a section starts, if one does about there, else on the nearest beat.

    Medians are compared: a bar without drums is no quiet before a drop.
    """
    size, second = round(AROUND_S * fps), round(fps)
    if len(power) < 3 * size:
        return ()
    seconds = _mean_of(power, second)
    lasting = median_filter(seconds, size, mode="nearest")
    rises = _decibels(lasting[size:], lasting[:-size])
    rises[lasting[size:] < LEAST_SHARE**2 * lasting.max()] = 0
    found: list[Drop] = []
    while (top := int(rises.argmax())) >= 0 and rises[top] >= LEAST_RISE_DB:
        first = max(0, top + size // 2 - round(NEAR_S * fps))
        around = slice(first, first + round(2 * NEAR_S * fps))
        sudden = int(_decibels(seconds[second:][around], seconds[:-second][around]).argmax())
        time_s = _on_one((first + sudden + second - 0.5) / fps, starts_s, beats_s)
        found.append(Drop(time_s, round(float(min(rises[top], 60.0)), 2)))
        rises[max(0, top - round(APART_S * fps)) : top + round(APART_S * fps)] = 0
    return tuple(sorted({drop.time_s: drop for drop in found}.values(), key=lambda drop: drop.time_s))


def _decibels(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 * np.log10(np.maximum(after, FAINT) / np.maximum(before, FAINT)))


def _on_one(time_s: float, *times_s: NDArray[np.float64]) -> float:
    """The nearest of the first of these that has one within a second."""
    for candidates in times_s:
        near = candidates[np.abs(candidates - time_s) < 1.0]
        if len(near):
            return round(float(near[np.abs(near - time_s).argmin()]), 4)
    return round(time_s, 4)


def _mean_of(power: Power, size: int) -> NDArray[np.float64]:
    """The mean of the `size` values from each on; as many as there are whole ones, at least one."""
    size = max(1, min(size, len(power)))
    sums = np.concatenate([[0.0], np.cumsum(power, dtype=float)])
    return np.asarray((sums[size:] - sums[:-size]) / size)


def _shares(power: NDArray[np.float64]) -> NDArray[np.float64]:
    loudest = float(power.max(initial=0.0))
    return np.sqrt(power / loudest) if loudest > FAINT else np.zeros(len(power))
