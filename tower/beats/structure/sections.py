"""Finds where sections begin, and which of them sound alike.

Beats are compared by harmony and timbre. A section begins where two things change together: the repetitions and the
sound on both sides. Repetitions are the rows of a time-lag matrix (the structure features of Serrà, Müller, Grosche and
Arcos, 2014). Sections get the same letter if their harmony matches beat by beat and their timbre is close.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

MIN_DURATION_S, MAX_DURATION_S = 12.0, 900.0  # of the sound: the matrices grow with its square
CONTEXT_BEATS = 4  # compared together
NEIGHBOUR_SHARE = 0.1  # share of all beats that may count as repetitions of one
BLUR_TIME, BLUR_LAG = 5.0, 1.0  # beats
WIDE_BEATS, NARROW_BEATS = 16, 8  # compared on each side: to find a change, and to find its exact beat
TIMBRE_SHARE, SOUND_TIMBRE_SHARE = 0.5, 0.85  # the rest is harmony: in repetitions, in the sound on both sides
HARMONY_SCALE = 4.0  # scales distances of chroma to those of timbre
MIN_NOVELTY = 0.35  # of the largest
MIN_CHANGE = 0.8  # in standard deviations: steady noise has 0.7
MIN_SECTION_BEATS = 18
REACH_BEATS, DOWNBEAT_BONUS = 2, 0.3  # from a change to the beat that is chosen for it
EDGE_BEATS = 10  # no section begins in the first and last beats
MIN_SIMILARITY = 0.75  # of sections with the same letter
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Rows = NDArray[np.floating]
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class BeatFeatures:
    """The features of each beat, one row per beat.

    `times_s`: the start of each. `chroma`: each row has a maximum of 1. `timbre`: each column has a deviation of 1.
    """

    times_s: Curve
    is_downbeat: NDArray[np.bool_]
    chroma: Rows
    timbre: Rows


def find_boundaries(steps: BeatFeatures) -> list[int]:
    """The indices of the beats that begin a section, without the first."""
    if len(steps.times_s) < 2 * MIN_SECTION_BEATS:
        return []
    sound = _wide_novelty(steps)
    if sound.max() < MIN_CHANGE:
        return []
    repetition = _repetition_novelty(steps)
    novelty = (repetition / max(repetition.max(), 1e-9) + sound / max(sound.max(), 1e-9)) / 2
    novelty[:EDGE_BEATS] = novelty[-EDGE_BEATS:] = 0
    exact = _narrow_novelty(steps) * (1 + DOWNBEAT_BONUS * steps.is_downbeat)
    least = MIN_NOVELTY * novelty.max()
    found: set[int] = set()
    while (top := int(novelty.argmax())) and novelty[top] >= max(least, 1e-6):
        first = max(1, top - REACH_BEATS)
        found.add(first + int(exact[first : top + REACH_BEATS + 1].argmax()))
        novelty[max(0, top - MIN_SECTION_BEATS) : top + MIN_SECTION_BEATS + 1] = 0
    return sorted(found)


def label_sections(steps: BeatFeatures, bounds: list[int]) -> list[str]:
    """A letter for each section, in the order of appearance."""
    starts = [0, *bounds]
    parts = [slice(start, end) for start, end in zip(starts, [*bounds, len(steps.times_s)], strict=True)]
    harmony = _unit_rows(steps.chroma)
    kinds: list[list[slice]] = []
    labels = []
    for part in parts:
        likes = [max(_similarity(harmony, steps.timbre, part, other) for other in kind) for kind in kinds]
        best = int(np.argmax(likes)) if likes and max(likes) >= MIN_SIMILARITY else len(kinds)
        if best == len(kinds):
            kinds.append([])
        kinds[best].append(part)
        labels.append(LETTERS[best % 26] * (1 + best // 26))
    return labels


def _similarity(harmony: Rows, timbre: Rows, one: slice, other: slice) -> float:
    """The similarity of harmony, beat by beat from the start, and of median timbre; 1 if they are equal."""
    size = min(one.stop - one.start, other.stop - other.start)
    run = (harmony[one.start : one.start + size] * harmony[other.start : other.start + size]).sum(axis=1).mean()
    off = np.square(np.median(timbre[one], axis=0) - np.median(timbre[other], axis=0)).mean()
    return float((run + np.exp(-off)) / 2)


def _repetition_novelty(steps: BeatFeatures) -> Curve:
    """How much the repetitions of each beat differ from those of the beat before."""
    harmony = _stack_context(_unit_rows(steps.chroma)) * np.sqrt(1 - TIMBRE_SHARE)
    timbre = _stack_context(steps.timbre) * np.sqrt(TIMBRE_SHARE / steps.timbre.shape[1])
    rows = np.concatenate([harmony, timbre], axis=1).astype(np.float32)
    squares = np.square(rows).sum(axis=1)
    far = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(far, np.inf)
    nearest = max(2, int(NEIGHBOUR_SHARE * len(rows)))
    limit = np.partition(far, nearest, axis=1)[:, nearest]
    repeats = (far <= np.minimum(limit[:, None], limit)).astype(np.float32)
    at = np.arange(len(rows))
    by_lag = repeats[at[:, None], (at[:, None] + at) % len(rows)]
    blurred = gaussian_filter1d(gaussian_filter1d(by_lag, BLUR_LAG, axis=1, mode="wrap"), BLUR_TIME, axis=0)
    return np.concatenate([[0.0], np.square(np.diff(blurred, axis=0)).sum(axis=1)])


def _wide_novelty(steps: BeatFeatures) -> Curve:
    """The distance between the sound before and after each beat. Medians ignore one bar without drums."""
    found = np.zeros(len(steps.times_s))
    for at in range(CONTEXT_BEATS, len(found) - CONTEXT_BEATS):
        before, after = slice(max(0, at - WIDE_BEATS), at), slice(at, at + WIDE_BEATS)
        off = np.median(steps.timbre[before], axis=0) - np.median(steps.timbre[after], axis=0)
        found[at] = _distance(off, steps.chroma[before].mean(axis=0) - steps.chroma[after].mean(axis=0))
    return found


def _narrow_novelty(steps: BeatFeatures) -> Curve:
    found = np.zeros(len(steps.times_s))
    for at in range(CONTEXT_BEATS, len(found) - CONTEXT_BEATS):
        before, after = slice(max(0, at - NARROW_BEATS), at), slice(at, at + NARROW_BEATS)
        off = steps.timbre[before].mean(axis=0) - steps.timbre[after].mean(axis=0)
        found[at] = _distance(off, steps.chroma[before].mean(axis=0) - steps.chroma[after].mean(axis=0))
    return found


def _distance(timbre: Rows, harmony: Rows) -> float:
    far = float(np.sqrt(np.square(timbre).mean()))
    return SOUND_TIMBRE_SHARE * far + (1 - SOUND_TIMBRE_SHARE) * HARMONY_SCALE * float(np.linalg.norm(harmony))


def _stack_context(rows: Rows) -> Rows:
    """Each row joined with its neighbours, CONTEXT_BEATS in all."""
    padded = np.pad(rows, ((CONTEXT_BEATS // 2, CONTEXT_BEATS - 1 - CONTEXT_BEATS // 2), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(rows)] for i in range(CONTEXT_BEATS)], axis=1)


def _unit_rows(chroma: Rows) -> Rows:
    """Rows of length 1, relative to the mean of all rows."""
    rows = chroma - chroma.mean(axis=0)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
