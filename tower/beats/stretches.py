"""Joins segments into stretches of one tempo: the tempos and the changes that an analysis names.

A short segment between two of the same tempo is a slip of the count rather than a change if it gains or loses a beat at
most. Uneven beats, as in an ending that speeds up, are a stretch of their own if their pace differs clearly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tower.beats.segments import MAX_TEMPO_DIFFERENCE, MIN_EVEN_SHARE, MIN_SEGMENT_S, TempoSegment, join_parts

MAX_SLIP_S, MAX_SLIP_BEATS = 16.0, 1.25
MAX_SLIP_DIFFERENCE = 0.15  # of the tempo
MIN_UNEVEN_S, MIN_UNEVEN_DIFFERENCE = 5.0, 0.08
MAX_LINE_ERROR = 0.01  # between the period of the lines and the median interval

Times = NDArray[np.float64]


def find_stretches(times_s: Times, segments: tuple[TempoSegment, ...]) -> tuple[TempoSegment, ...]:
    """The stretches in order. Together they hold every beat of the segments."""
    found: list[TempoSegment] = []
    for part in _without_slips(segments):
        before = found[-1] if found else None
        if before is None or _is_change(times_s, before, part):
            found.append(part)
        else:
            found[-1] = join_parts(before, part)
    return tuple(_with_median_period(times_s, part) for part in found)


def main_stretch(stretches: tuple[TempoSegment, ...]) -> TempoSegment:
    """The longest even stretch of the tempo that most even beats have."""

    def duration_s(one: TempoSegment) -> float:
        return sum(part.even_duration_s for part in stretches if _difference(part, one) < MAX_TEMPO_DIFFERENCE)

    return max(stretches, key=lambda part: (duration_s(part), part.even_duration_s))


def _without_slips(segments: tuple[TempoSegment, ...]) -> list[TempoSegment]:
    found: list[TempoSegment] = []
    for part in segments:
        found.append(part)
        while len(found) >= 3 and _is_slip(*found[-3:]):
            before, slip, after = found[-3:]
            around = join_parts(before, after)
            even = around.even_share * (1 - slip.beats / (around.last - around.first + 1))
            found[-3:] = [replace(around, even_share=even)]
    return found


def _is_slip(before: TempoSegment, middle: TempoSegment, after: TempoSegment) -> bool:
    """Whether the tempo of `before` goes on in `after`, and `middle` counts at most about a beat more or less."""
    period_s = (before.period_s + after.period_s) / 2
    beats = (after.start_s - before.end_s) / period_s
    return (
        middle.duration_s <= MAX_SLIP_S
        and _difference(before, after) < MAX_TEMPO_DIFFERENCE
        and abs(middle.period_s / period_s - 1) < MAX_SLIP_DIFFERENCE
        and abs(after.first - before.last - beats) <= MAX_SLIP_BEATS
    )


def _is_change(times_s: Times, before: TempoSegment, part: TempoSegment) -> bool:
    if _is_solid(before) and _is_solid(part):
        return _difference(part, before) >= MAX_TEMPO_DIFFERENCE
    if min(before.duration_s, part.duration_s) < MIN_UNEVEN_S:
        return False
    ratio = _median_gap_s(times_s, part) / _median_gap_s(times_s, before)
    return abs(ratio - 1) >= MIN_UNEVEN_DIFFERENCE


def _is_solid(part: TempoSegment) -> bool:
    return part.duration_s >= MIN_SEGMENT_S * 0.9 and part.even_share >= MIN_EVEN_SHARE


def _with_median_period(times_s: Times, part: TempoSegment) -> TempoSegment:
    """The period of the lines, unless slips or uneven beats pull it away from the median interval."""
    median_s = _median_gap_s(times_s, part)
    return part if abs(part.period_s / median_s - 1) < MAX_LINE_ERROR else replace(part, period_s=median_s)


def _median_gap_s(times_s: Times, part: TempoSegment) -> float:
    return float(np.median(np.diff(times_s[part.first : part.last + 1])))


def _difference(one: TempoSegment, other: TempoSegment) -> float:
    return abs(one.period_s / other.period_s - 1)
