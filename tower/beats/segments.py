"""Finds segments of even tempo, by least squares on the numbered beats.

A break must reduce the error by more than its cost (as in the Bayesian information criterion), a segment lasts ten
seconds at least, and two that differ by less than 1.5 % become one, because played music varies by that much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_SEGMENT_S = 10.0
MAX_TEMPO_DIFFERENCE = 0.015
BEAT_JITTER_S = 0.012  # of a played beat around its even place
BREAK_COST = 14.0
EDGE_BEATS = 2  # at both ends of a segment, not used for its tempo: the tracker takes a beat or two to follow
MAX_GAP_PERIODS = 1.7  # periods without a beat after which the counting restarts
GAPS_AROUND = 4  # gaps before and after, with whose median a gap is compared
MAX_DEVIATION_S = 0.025
MIN_EVEN_SHARE = 0.6  # share of beats
SMOOTHING_NEIGHBOURS = 6
SMOOTHING_SHARE = 0.7

Times = NDArray[np.float64]


@dataclass(frozen=True)
class TempoSegment:
    """Beats `first` to `last`, inclusive, with an even period. `even_share`: those within 25 ms of the line."""

    first: int
    last: int
    start_s: float
    end_s: float
    period_s: float
    even_share: float

    @property
    def bpm(self) -> float:
        return 60 / self.period_s

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def even_duration_s(self) -> float:
        return self.duration_s * self.even_share

    @property
    def beats(self) -> int:
        return self.last - self.first + 1


def find_segments(times_s: Times) -> tuple[TempoSegment, ...]:
    """The segments in order; empty for fewer than two beats."""
    runs = [run for run in _runs(times_s) if run[1] > run[0]]
    found = [_fit_segment(times_s, first, last) for run in runs for first, last in _split_run(times_s, *run)]
    return tuple(_join(found))


def join_parts(one: TempoSegment, other: TempoSegment) -> TempoSegment:
    """Both as one, with the period that most of their even beats have.

    One line through both would be uneven where the count slips by half a beat between them.
    """
    beats = one.beats + other.beats
    even = one.beats * one.even_share, other.beats * other.even_share
    share = even[0] / sum(even) if sum(even) else one.beats / beats
    period_s = share * one.period_s + (1 - share) * other.period_s
    return TempoSegment(one.first, other.last, one.start_s, other.end_s, period_s, sum(even) / beats)


def smooth_beats(times_s: Times, segments: tuple[TempoSegment, ...]) -> Times:
    """The beats with less jitter: each moved towards the line through its neighbours in the same segment."""
    steady = times_s.copy()
    for part in segments:
        own = slice(part.first, part.last + 1)
        steady[own] += _shifts(times_s[own])
    return steady


def _shifts(times: Times) -> Times:
    """The seconds by which each beat of a segment moves. Near its ends the line is that of the last whole window."""
    size = 2 * SMOOTHING_NEIGHBOURS + 1
    if len(times) < size:
        return np.zeros(len(times))
    windows = np.lib.stride_tricks.sliding_window_view(times, size)
    number = np.arange(size) - SMOOTHING_NEIGHBOURS
    means, slopes = windows.mean(axis=1), windows @ number / np.dot(number, number)
    off = np.median(np.abs(windows - means[:, None] - slopes[:, None] * number), axis=1)
    window = np.clip(np.arange(len(times)) - SMOOTHING_NEIGHBOURS, 0, len(windows) - 1)
    line = means[window] + slopes[window] * (np.arange(len(times)) - window - SMOOTHING_NEIGHBOURS)
    return np.where(
        off[window] < MAX_DEVIATION_S / 2, SMOOTHING_SHARE * np.clip(line - times, -MAX_DEVIATION_S, MAX_DEVIATION_S), 0
    )


def _runs(times_s: Times) -> list[tuple[int, int]]:
    """The first and the last beat of each run without a gap."""
    if len(times_s) < 2:
        return []
    gaps = np.diff(times_s)
    padded = np.pad(gaps, GAPS_AROUND, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * GAPS_AROUND + 1), axis=1)
    breaks = np.flatnonzero(gaps > MAX_GAP_PERIODS * around)
    return list(zip([0, *(breaks + 1)], [*breaks, len(times_s) - 1], strict=True))


def _split_run(times_s: Times, first: int, last: int) -> list[tuple[int, int]]:
    """The cheapest split of one run into lines of at least MIN_SEGMENT_S."""
    times = times_s[first : last + 1] - times_s[first]
    count = len(times)
    fewest = max(6, int(np.ceil(MIN_SEGMENT_S / max(float(np.median(np.diff(times))), 1e-3))))
    if count < 2 * fewest:
        return [(first, last)]
    line = _LineCost(times)
    price = BREAK_COST * BEAT_JITTER_S**2 * np.log(count)
    if line(np.array([0]), count - 1)[0] <= price:
        return [(first, last)]  # a break saves less than it costs
    cost = np.full(count + 1, np.inf)
    cost[0] = -price
    came = np.zeros(count + 1, int)
    for end in range(fewest - 1, count):
        starts = np.arange(end - fewest + 2)
        total = cost[starts] + line(starts, end) + price
        came[end + 1] = int(total.argmin())
        cost[end + 1] = total[came[end + 1]]
    ends, at = [], count
    while at > 0:
        ends.append((first + int(came[at]), first + at - 1))
        at = int(came[at])
    return ends[::-1]


class _LineCost:
    """Squared distance (s²) of times[start…end] from their best line, for many starts at once, by running sums."""

    def __init__(self, times: Times) -> None:
        number = np.arange(len(times), dtype=float)
        pairs = (number, times, number * number, number * times, times * times)
        self._sums = [np.concatenate([[0.0], np.cumsum(values)]) for values in pairs]

    def __call__(self, starts: NDArray[np.intp], end: int) -> Times:
        n = end - starts + 1
        x, y, xx, xy, yy = (sums[end + 1] - sums[starts] for sums in self._sums)
        spread = np.maximum(xx - x * x / n, 1e-12)
        return np.asarray(np.maximum(yy - y * y / n - np.square(xy - x * y / n) / spread, 0))


def _fit_segment(times_s: Times, first: int, last: int) -> TempoSegment:
    trimmed = EDGE_BEATS if last - first >= 8 + 2 * EDGE_BEATS else 0
    number = np.arange(first, last + 1)
    times = times_s[first : last + 1]
    inner = slice(trimmed, len(times) - trimmed)
    period, start = np.polyfit(number[inner] - first, times[inner], 1)
    off = np.abs(times - (start + period * (number - first)))
    return TempoSegment(
        first, last, float(times[0]), float(times[-1]), float(period), float(np.mean(off < MAX_DEVIATION_S))
    )


def _join(found: list[TempoSegment]) -> list[TempoSegment]:
    """Join neighbours of about the same tempo that no gap separates."""
    joined: list[TempoSegment] = []
    for segment in found:
        before = joined[-1] if joined else None
        gap = before is not None and segment.start_s - before.end_s > MAX_GAP_PERIODS * before.period_s
        if before and not gap and abs(segment.period_s / before.period_s - 1) < MAX_TEMPO_DIFFERENCE:
            joined[-1] = join_parts(before, segment)
        else:
            joined.append(segment)
    return joined
