"""Tracks the beats: strong onsets at distances that fit the tempo.

Dynamic programming as in Ellis, *Beat Tracking by Dynamic Programming* (2007), but over the frame and the length of the
last beat together. A beat may be longer than in the tempo map if its neighbours are too, which follows free time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tower.beats.onsets import FPS, Curve, Onsets, frames_to_times, max_near, times_to_frames

SMOOTHING_S, LOCAL_MEAN_S, NORMALISATION_S = (
    0.014,
    0.5,
    8.0,
)  # windows of the smoothing, the local mean, and the normalisation
MEAN_SHARE = 0.8
STEADINESS_COST = np.float32(300)  # cost of a beat e times as long as the one before it
TEMPO_MAP_COST = np.float32(15)  # cost of a beat e times as long as in the tempo map
MIN_PERIOD_RATIO, MAX_PERIOD_RATIO = 0.7, 1.4  # of the period
MAX_LOG_CHANGE = 0.1  # logarithm of the largest change of length from beat to beat
FIRST_BEAT = 127  # marks the first beat of a sequence
RELATIVE_SILENCE_DB, ABSOLUTE_SILENCE_DB = (
    -45.0,
    -75.0,
)  # below either, it is silent: relative to the loud parts, and absolute
MIN_ONSET_SHARE = 0.15  # of the median onset; weaker beats at both ends are left out
REACH_FRAMES = 2  # frames around a beat that are searched for its onset


def normalise_onsets(onsets: Onsets) -> Curve:
    """The onsets as one curve of about unit strength throughout, so that quiet parts count as much as loud ones."""
    curve = np.maximum(0, onsets.rise - MEAN_SHARE * _mean_around(onsets.rise, LOCAL_MEAN_S))
    at = np.arange(-3, 4) / (SMOOTHING_S * FPS)
    bell = np.exp(-0.5 * np.square(at))
    curve = np.convolve(curve, bell / bell.sum(), "same")
    strength = np.sqrt(_mean_around(np.square(curve), NORMALISATION_S) + np.square(0.05 * curve.std()) + 1e-9)
    return np.asarray(curve / strength, np.float32)


def find_beat_frames(curve: Curve, periods: NDArray[np.float64]) -> NDArray[np.intp]:
    """The frames of the beats. `periods`: the length of a beat in frames, for each frame."""
    shortest, longest = max(2, int(MIN_PERIOD_RATIO * periods.min())), int(np.ceil(MAX_PERIOD_RATIO * periods.max()))
    lags = np.arange(shortest, longest + 1)
    tail, came = _best_sequences(curve, periods, lags)
    at, lag = (int(place) for place in np.unravel_index(tail.argmax(), tail.shape))
    at += len(curve) - len(tail)
    found = [at]
    while came[at, lag] != FIRST_BEAT:
        at, lag = at - int(lags[lag]), lag + int(came[at, lag])
        found.append(at)
    return np.array(found[::-1], np.intp)


def refine_times(curve: Curve, frames: NDArray[np.intp]) -> NDArray[np.float64]:
    """Times in seconds, finer than a frame: the vertex of a parabola through three values at each peak."""
    inside = frames[(frames > REACH_FRAMES) & (frames < len(curve) - REACH_FRAMES - 1)]
    if not len(inside):
        return np.zeros(0)
    around = inside[:, None] + np.arange(-1, 2)
    peaks = inside + curve[around].argmax(axis=1) - 1  # the tracker may place a beat next to its onset
    left, top, right = (curve[peaks + step].astype(float) for step in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.where(bend < -1e-6, bend, 1), 0)
    return frames_to_times(peaks + np.clip(shift, -0.5, 0.5))


def not_silent(times_s: NDArray[np.float64], onsets: Onsets) -> NDArray[np.bool_]:
    """A mask of the beats that are not in silence."""
    if not len(times_s):
        return np.zeros(0, np.bool_)
    loud = float(np.percentile(onsets.level_db, 95))
    reach = int(0.35 * FPS)
    places = times_to_frames(times_s)[:, None] + np.arange(-reach // 4, reach)
    levels = onsets.level_db[np.clip(places, 0, len(onsets.level_db) - 1)].max(axis=1)
    return np.asarray(levels > max(loud + RELATIVE_SILENCE_DB, ABSOLUTE_SILENCE_DB), np.bool_)


def between_onsets(times_s: NDArray[np.float64], onsets: Onsets) -> NDArray[np.bool_]:
    """A mask of the beats from the first strong onset to the last, without hiss before and fading chords after."""
    found = max_near(onsets.rise, times_s, REACH_FRAMES)
    strong = np.flatnonzero(found >= MIN_ONSET_SHARE * np.median(found)) if len(found) else found
    kept = np.zeros(len(times_s), np.bool_)
    if len(strong):
        kept[strong[0] : strong[-1] + 1] = True
    return kept


def beat_strengths(curve: Curve, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strength of the onset at each beat, 0–1, relative to the strong ones of the file (95 %)."""
    if not len(times_s):
        return np.zeros(0)
    found = max_near(curve, times_s, REACH_FRAMES).astype(float)
    return np.clip(found / max(float(np.percentile(found, 95)), 1e-9), 0, 1)


def _best_sequences(
    curve: Curve, periods: NDArray[np.float64], lags: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """The best sequence of beats for each frame and lag, where it ends and how long its last beat is.

    Returns its score, in the last period only, and the steps in `lags` to the beat before, or FIRST_BEAT. No beat is
    shorter than the least lag, so that many frames are computed at once.
    """
    block, reach = int(lags[0]), max(2, int(np.ceil(MAX_LOG_CHANGE * np.sqrt(float(lags[0]) * lags[-1]))))
    logs, changing, columns = np.log(lags), _change_costs(lags, reach), np.arange(len(lags))
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
        came[here] = np.where(before > 0, steps.ravel()[cells[:size]], FIRST_BEAT)
        off = np.square(logs - np.log(periods[here, None]), dtype=np.float32)
        score = np.maximum(before, 0) + curve[here, None] - TEMPO_MAP_COST * off
        padded[:size, reach:-reach] = score
        ways = views[:size] + changing
        best = ways.argmax(axis=2)
        sent = np.concatenate([sent[size:], ways.ravel()[each[:size] + best]])
        steps = np.concatenate([steps[size:], (best - reach).astype(np.int8)])
        tail = np.concatenate([tail, score])[-int(periods[-1] * 1.2) - 1 :]
    return tail, came


def _change_costs(lags: NDArray[np.intp], reach: int) -> NDArray[np.float32]:
    """Lags × previous lags, from `reach` shorter to `reach` longer: the cost of the change, as a negative score."""
    before = np.maximum(lags[:, None] + np.arange(-reach, reach + 1), 1)
    return np.asarray(-STEADINESS_COST * np.square(np.log(before / lags[:, None])), np.float32)


def _mean_around(curve: NDArray[np.floating], seconds: float) -> NDArray[np.float64]:
    """The mean over `seconds` around each value; near the ends as if zeros followed."""
    size = min(int(seconds * FPS) | 1, max(1, 2 * len(curve) - 1))
    sums = np.concatenate([[0.0], np.cumsum(curve, dtype=np.float64)])
    at = np.arange(len(curve))
    high, low = np.minimum(at + size // 2 + 1, len(curve)), np.maximum(at - size // 2, 0)
    return np.asarray((sums[high] - sums[low]) / size)
