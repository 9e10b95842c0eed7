"""Finds the beats that start a bar, by changes of harmony, strong bass and recurring stress."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tower.beats.onsets import CHROMA_EVERY, Onsets, max_near, times_to_frames
from tower.beats.segments import MAX_GAP_PERIODS, TempoSegment

METRES = (4, 3)
HARMONY_WEIGHT, BASS_WEIGHT, STRESS_WEIGHT = 1.0, 0.6, 0.3  # weights
TRIPLE_METRE_COST = 0.15  # by how much a bar of three must be clearer


def find_downbeats(
    times_s: NDArray[np.float64], stretches: tuple[TempoSegment, ...], onsets: Onsets
) -> NDArray[np.float64]:
    """The times of the first beats of the bars. Each stretch has bars of one length; one under eight beats has none."""
    if len(times_s) < 8:
        return np.zeros(0)
    stress = _stress(times_s, onsets)
    found = []
    for part in stretches:
        own = slice(part.first, part.last + 1)
        if part.beats >= 8:
            places = _places(times_s[own], part.period_s)
            metre, phase = _bar(stress[own], places)
            found.append(times_s[own][places % metre == phase])
    return np.concatenate(found) if found else np.zeros(0)


def _places(times_s: NDArray[np.float64], period_s: float) -> NDArray[np.intp]:
    """The number of each beat, counted on through gaps without beats, so that the bars go on after a silence."""
    gaps = np.diff(times_s) / period_s
    steps = np.where(gaps > MAX_GAP_PERIODS, np.round(gaps), 1).astype(np.intp)
    return np.concatenate([np.zeros(1, np.intp), np.cumsum(steps)])


def _bar(stress: NDArray[np.float64], places: NDArray[np.intp]) -> tuple[int, int]:
    """The beats per bar and the place of the first downbeat: the phase whose beats stand out most from the others."""
    ways = []
    for metre in METRES:
        means = np.array([stress[places % metre == phase].mean() for phase in range(metre)])
        phase = int(means.argmax())
        others = (means.sum() - means[phase]) / (metre - 1)
        ways.append((float(means[phase] - others) - (TRIPLE_METRE_COST if metre == 3 else 0), metre, phase))
    _, metre, phase = max(ways)
    return metre, phase


def _stress(times_s: NDArray[np.float64], onsets: Onsets) -> NDArray[np.float64]:
    parts = ((HARMONY_WEIGHT, _harmonic_change(times_s, onsets)), (BASS_WEIGHT, max_near(onsets.bass, times_s, 2)))
    total = np.zeros(len(times_s))
    for weight, values in (*parts, (STRESS_WEIGHT, max_near(onsets.rise, times_s, 2))):
        total += weight * (values - values.mean()) / (values.std() + 1e-9)
    return total


def _harmonic_change(times_s: NDArray[np.float64], onsets: Onsets) -> NDArray[np.float64]:
    """How much the tones after each beat differ from those before it, 0–1."""
    rows = onsets.chroma / (np.linalg.norm(onsets.chroma, axis=1, keepdims=True) + 1e-9)
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(rows, axis=0, dtype=np.float64)])
    edges = np.clip(times_to_frames(times_s) // CHROMA_EVERY, 0, len(rows))
    edges = np.concatenate([[max(0, 2 * edges[0] - edges[1])], edges, [min(len(rows), 2 * edges[-1] - edges[-2])]])
    means = np.diff(sums[edges], axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True) + 1e-9
    return np.asarray(1 - np.sum(means[1:] * means[:-1], axis=1))
