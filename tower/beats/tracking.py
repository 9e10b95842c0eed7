"""The beats: where onsets are strong and the distance is right. Dynamic programming (Ellis 2007), local period."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tower.beats.onsets import FPS, Curve, Onsets, frames_of, near, times_of

BASS_SHARE = 0.5
SMOOTHED_S, MEAN_S, EVEN_S = 0.014, 0.5, 8.0  # smoothing, local mean taken off, and over what strength is evened out
MEAN_SHARE = 0.8
TIGHTNESS = 60.0  # cost of a beat that is e times too long or short
SHORTEST, LONGEST = 0.66, 1.5  # of the period
QUIET_DB, FAINT_DB = -45.0, -75.0  # beside the loud parts, and absolute: silence
REACH = 2  # frames around a beat in which its onset is looked for


def evened(onsets: Onsets) -> Curve:
    """The onsets as one curve of about unit strength throughout: what a quiet verse beats counts as a loud chorus."""
    curve = onsets.rise + np.float32(BASS_SHARE) * onsets.bass
    curve = np.maximum(0, curve - MEAN_SHARE * _mean_around(curve, MEAN_S))
    at = np.arange(-3, 4) / (SMOOTHED_S * FPS)
    bell = np.exp(-0.5 * np.square(at))
    curve = np.convolve(curve, bell / bell.sum(), "same")
    strength = np.sqrt(_mean_around(np.square(curve), EVEN_S) + np.square(0.05 * curve.std()) + 1e-9)
    return np.asarray(curve / strength, np.float32)


def beat_frames(curve: Curve, periods: NDArray[np.float64]) -> NDArray[np.intp]:
    """The frames of the beats. `periods`: frames a beat lasts, for each frame."""
    scores, before = _best_ways(curve, periods)
    last = max(1, int(periods[-1] * 1.2))
    at = len(curve) - last + int(scores[-last:].argmax()) if len(curve) > last else int(scores.argmax())
    found = []
    while at >= 0:
        found.append(at)
        at = int(before[at])
    return np.array(found[::-1], np.intp)


def between(frames: NDArray[np.intp]) -> NDArray[np.intp]:
    """The places half-way between the beats."""
    return np.asarray((frames[1:] + frames[:-1]) // 2, np.intp)


def refined(curve: Curve, frames: NDArray[np.intp]) -> NDArray[np.float64]:
    """Times in seconds, finer than a frame: the top of a parabola through the three values at each peak."""
    inside = frames[(frames > REACH) & (frames < len(curve) - REACH - 1)]
    if not len(inside):
        return np.zeros(0)
    around = inside[:, None] + np.arange(-1, 2)
    peaks = inside + curve[around].argmax(axis=1) - 1  # a beat pulled by its neighbours lies beside its onset
    left, top, right = (curve[peaks + step].astype(float) for step in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.where(bend < -1e-6, bend, 1), 0)
    return times_of(peaks + np.clip(shift, -0.5, 0.5))


def sounding(times_s: NDArray[np.float64], onsets: Onsets) -> NDArray[np.bool_]:
    """Which of the beats do not lie in silence."""
    if not len(times_s):
        return np.zeros(0, np.bool_)
    loud = float(np.percentile(onsets.level_db, 95))
    reach = int(0.35 * FPS)
    places = frames_of(times_s)[:, None] + np.arange(-reach // 4, reach)
    levels = onsets.level_db[np.clip(places, 0, len(onsets.level_db) - 1)].max(axis=1)
    return np.asarray(levels > max(loud + QUIET_DB, FAINT_DB), np.bool_)


def strengths(curve: Curve, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the onset at each beat, 0–1 beside the strong ones of the file (95 %)."""
    if not len(times_s):
        return np.zeros(0)
    found = near(curve, times_s, REACH).astype(float)
    return np.clip(found / max(float(np.percentile(found, 95)), 1e-9), 0, 1)


def _best_ways(curve: Curve, periods: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The score of the best row of beats that ends at each frame, and the beat before; −1: it is the first.

    As no beat is shorter than SHORTEST periods, that many frames can be done at once.
    """
    count, furthest = len(curve), int(np.ceil(periods.max() * LONGEST)) + 1
    scores = np.full(furthest + count, -np.inf)  # `furthest` frames before the first, where nothing can come from
    before = np.full(count, -1, np.intp)
    start = 0
    while start < count:
        period = periods[start]
        nearest, far = max(1, int(SHORTEST * period)), int(LONGEST * period)
        end = min(count, start + nearest)
        lags = np.arange(far, nearest - 1, -1)
        cost = -TIGHTNESS * np.square(np.log(lags / period))
        first = furthest + start - far
        views = np.lib.stride_tricks.sliding_window_view(scores[first : first + end - start - 1 + len(lags)], len(lags))
        ways = views + cost
        best = ways.argmax(axis=1)
        value = ways[np.arange(end - start), best]
        here = np.arange(start, end)
        going_on = value > 0
        scores[furthest + start : furthest + end] = curve[start:end] + np.where(going_on, value, 0)
        before[here[going_on]] = here[going_on] - lags[best[going_on]]
        start = end
    return scores[furthest:], before


def _mean_around(curve: NDArray[np.floating], seconds: float) -> NDArray[np.float64]:
    """The mean of the `seconds` around each value; at the ends of what is there, as if zeros followed."""
    size = min(int(seconds * FPS) | 1, max(1, 2 * len(curve) - 1))
    sums = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    at = np.arange(len(curve))
    high, low = np.minimum(at + size // 2 + 1, len(curve)), np.maximum(at - size // 2, 0)
    return np.asarray((sums[high] - sums[low]) / size)
