"""The beats: where onsets are strong and the distance is right.

Dynamic programming as in Ellis, *Beat Tracking by Dynamic Programming* (2007), but over the frame and the length of the
last beat together: a beat may be longer than the tempo map says if those around it are. Free time is followed so.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tower.beats.onsets import FPS, Curve, Onsets, frames_of, near, times_of

SMOOTHED_S, MEAN_S, EVEN_S = 0.014, 0.5, 8.0  # smoothing, local mean taken off, and over what strength is evened out
MEAN_SHARE = 0.8
STEADY = np.float32(300)  # cost of a beat e times as long as the one before it
NEAR_MAP = np.float32(15)  # and of one e times as long as the tempo map says
SHORTEST, LONGEST = 0.7, 1.4  # of the period
BAND = 0.1  # logarithm: how much longer or shorter the next beat may be
FIRST = 127  # marks the first beat of a row
QUIET_DB, FAINT_DB = -45.0, -75.0  # beside the loud parts, and absolute: silence
LEAST = 0.15  # of a usual beat's onset: what is weaker at the ends is the sound dying away
REACH = 2  # frames around a beat in which its onset is looked for


def evened(onsets: Onsets) -> Curve:
    """The onsets as one curve of about unit strength throughout: what a quiet verse beats counts as a loud chorus."""
    curve = np.maximum(0, onsets.rise - MEAN_SHARE * _mean_around(onsets.rise, MEAN_S))
    at = np.arange(-3, 4) / (SMOOTHED_S * FPS)
    bell = np.exp(-0.5 * np.square(at))
    curve = np.convolve(curve, bell / bell.sum(), "same")
    strength = np.sqrt(_mean_around(np.square(curve), EVEN_S) + np.square(0.05 * curve.std()) + 1e-9)
    return np.asarray(curve / strength, np.float32)


def beat_frames(curve: Curve, periods: NDArray[np.float64]) -> NDArray[np.intp]:
    """The frames of the beats. `periods`: frames a beat lasts, for each frame."""
    shortest, longest = max(2, int(SHORTEST * periods.min())), int(np.ceil(LONGEST * periods.max()))
    lags = np.arange(shortest, longest + 1)
    tail, came = _best_rows(curve, periods, lags)
    at, lag = (int(place) for place in np.unravel_index(tail.argmax(), tail.shape))
    at += len(curve) - len(tail)
    found = [at]
    while came[at, lag] != FIRST:
        at, lag = at - int(lags[lag]), lag + int(came[at, lag])
        found.append(at)
    return np.array(found[::-1], np.intp)


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


def struck(times_s: NDArray[np.float64], onsets: Onsets) -> NDArray[np.bool_]:
    """All but the beats before the first onset and after the last: a hiss, or a chord that dies away."""
    found = near(onsets.rise, times_s, REACH)
    strong = np.flatnonzero(found >= LEAST * np.median(found)) if len(found) else found
    kept = np.zeros(len(times_s), np.bool_)
    if len(strong):
        kept[strong[0] : strong[-1] + 1] = True
    return kept


def strengths(curve: Curve, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the onset at each beat, 0–1 beside the strong ones of the file (95 %)."""
    if not len(times_s):
        return np.zeros(0)
    found = near(curve, times_s, REACH).astype(float)
    return np.clip(found / max(float(np.percentile(found, 95)), 1e-9), 0, 1)


def _best_rows(
    curve: Curve, periods: NDArray[np.float64], lags: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Frames × lags, for the best row of beats that ends there, the last beat being so long: its score, in the last
    period only; and how many places in `lags` the beat before was from it, or FIRST.

    As no beat is shorter than the least lag, that many frames are done at once.
    """
    block, reach = int(lags[0]), max(2, int(np.ceil(BAND * np.sqrt(float(lags[0]) * lags[-1]))))
    logs, changing, columns = np.log(lags), _changing(lags, reach), np.arange(len(lags))
    sent = np.full((lags[-1], len(lags)), -np.inf, np.float32)  # by the frames before, to a beat of each lag
    steps = np.zeros(sent.shape, np.int8)
    padded = np.full((block, len(lags) + 2 * reach), -np.inf, np.float32)
    views = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1)
    cells = (np.arange(block)[:, None] + lags[-1] - lags) * len(lags) + columns
    each = np.arange(block * len(lags)).reshape(block, -1) * (2 * reach + 1)
    came = np.empty((len(curve), len(lags)), np.int8)
    tail = np.zeros((0, len(lags)), np.float32)
    for start in range(0, len(curve), block):
        size = min(block, len(curve) - start)
        here = slice(start, start + size)
        before = sent.ravel()[cells[:size]]
        came[here] = np.where(before > 0, steps.ravel()[cells[:size]], FIRST)
        off = np.square(logs - np.log(periods[here, None]), dtype=np.float32)
        score = np.maximum(before, 0) + curve[here, None] - NEAR_MAP * off
        padded[:size, reach:-reach] = score
        ways = views[:size] + changing
        best = ways.argmax(axis=2)
        sent = np.concatenate([sent[size:], ways.ravel()[each[:size] + best]])
        steps = np.concatenate([steps[size:], (best - reach).astype(np.int8)])
        tail = np.concatenate([tail, score])[-int(periods[-1] * 1.2) - 1 :]
    return tail, came


def _changing(lags: NDArray[np.intp], reach: int) -> NDArray[np.float32]:
    """Lags × the one before, from `reach` shorter to `reach` longer: what the change costs."""
    before = np.maximum(lags[:, None] + np.arange(-reach, reach + 1), 1)
    return np.asarray(-STEADY * np.square(np.log(before / lags[:, None])), np.float32)


def _mean_around(curve: NDArray[np.floating], seconds: float) -> NDArray[np.float64]:
    """The mean of the `seconds` around each value; at the ends of what is there, as if zeros followed."""
    size = min(int(seconds * FPS) | 1, max(1, 2 * len(curve) - 1))
    sums = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    at = np.arange(len(curve))
    high, low = np.minimum(at + size // 2 + 1, len(curve)), np.maximum(at - size // 2, 0)
    return np.asarray((sums[high] - sums[low]) / size)
