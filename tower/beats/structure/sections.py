"""Where sections begin, and which of them sound alike.

Beats are compared with each other by harmony and timbre. A section begins where two things change at once: what the
music repeats (a column of the matrix of repetitions, time by lag, differs from the one before: the structure features
of Serrà, Müller, Grosche and Arcos, 2014), and what it sounds like on both sides. Sections get one letter if their
harmony runs alike, beat by beat, and their timbre is near.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

SHORTEST_S, LONGEST_S = 12.0, 900.0  # of a sound whose sections are looked for: matrices grow with its square
CONTEXT = 4  # beats that are compared together
NEIGHBOURS = 0.1  # share of all beats that may repeat one
BLUR_TIME, BLUR_LAG = 5.0, 1.0  # beats
AROUND, CLOSE = 16, 8  # beats on each side whose sound is compared: to find a change, and its exact beat
TIMBRE_SHARE, SOUND_TIMBRE_SHARE = 0.5, 0.85  # beside harmony: of repetition, of the sound on both sides
HARMONY_SCALE = 4.0  # brings distances of tones to the size of those of timbre
LEAST_NOVELTY = 0.35  # of the greatest
LEAST_CHANGE = 0.8  # of the sound on both sides, in deviations: steady noise has 0.7
APART = 18  # beats from one to the next
REACH, DOWNBEAT_BONUS = 2, 0.3  # beats from a change to the one that is taken for it
EDGE = 10  # beats at both ends where no section begins
ALIKE = 0.75  # how like each other sections with one letter are
NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Rows = NDArray[np.floating]
Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Steps:
    """Beats: where they begin (s), which of them are downbeats, and what is heard in each.

    `chroma`: rows of which the largest is 1; `timbre`: rows, scaled to the deviation of each column.
    """

    times_s: Curve
    down: NDArray[np.bool_]
    chroma: Rows
    timbre: Rows


def bounds_of(steps: Steps) -> list[int]:
    """The steps with which a section begins, without the first."""
    if len(steps.times_s) < 2 * APART:
        return []
    sound = _sound_novelty(steps)
    if sound.max() < LEAST_CHANGE:
        return []
    repetition = _repetition_novelty(steps)
    novelty = (repetition / max(repetition.max(), 1e-9) + sound / max(sound.max(), 1e-9)) / 2
    novelty[:EDGE] = novelty[-EDGE:] = 0
    exact = _close_novelty(steps) * (1 + DOWNBEAT_BONUS * steps.down)
    least = LEAST_NOVELTY * novelty.max()
    found: set[int] = set()
    while (top := int(novelty.argmax())) and novelty[top] >= max(least, 1e-6):
        first = max(1, top - REACH)
        found.add(first + int(exact[first : top + REACH + 1].argmax()))
        novelty[max(0, top - APART) : top + APART + 1] = 0
    return sorted(found)


def labels_of(steps: Steps, bounds: list[int]) -> list[str]:
    """A letter for each section, in order of appearance."""
    starts = [0, *bounds]
    parts = [slice(start, end) for start, end in zip(starts, [*bounds, len(steps.times_s)], strict=True)]
    harmony = _directions(steps.chroma)
    kinds: list[list[slice]] = []
    labels = []
    for part in parts:
        likes = [max(_likeness(harmony, steps.timbre, part, other) for other in kind) for kind in kinds]
        best = int(np.argmax(likes)) if likes and max(likes) >= ALIKE else len(kinds)
        if best == len(kinds):
            kinds.append([])
        kinds[best].append(part)
        labels.append(NAMES[best % 26] * (1 + best // 26))
    return labels


def _likeness(harmony: Rows, timbre: Rows, one: slice, other: slice) -> float:
    """The harmony of both, beat by beat from their beginnings, and their median timbre; 1: the same."""
    size = min(one.stop - one.start, other.stop - other.start)
    run = (harmony[one.start : one.start + size] * harmony[other.start : other.start + size]).sum(axis=1).mean()
    off = np.square(np.median(timbre[one], axis=0) - np.median(timbre[other], axis=0)).mean()
    return float((run + np.exp(-off)) / 2)


def _repetition_novelty(steps: Steps) -> Curve:
    """How much each step's repetitions, near and far, differ from those of the step before."""
    harmony = _in_context(_directions(steps.chroma)) * np.sqrt(1 - TIMBRE_SHARE)
    timbre = _in_context(steps.timbre) * np.sqrt(TIMBRE_SHARE / steps.timbre.shape[1])
    rows = np.concatenate([harmony, timbre], axis=1).astype(np.float32)
    squares = np.square(rows).sum(axis=1)
    far = squares[:, None] + squares - 2 * rows @ rows.T
    np.fill_diagonal(far, np.inf)
    nearest = max(2, int(NEIGHBOURS * len(rows)))
    limit = np.partition(far, nearest, axis=1)[:, nearest]
    repeats = (far <= np.minimum(limit[:, None], limit)).astype(np.float32)
    at = np.arange(len(rows))
    by_lag = repeats[at[:, None], (at[:, None] + at) % len(rows)]
    blurred = gaussian_filter1d(gaussian_filter1d(by_lag, BLUR_LAG, axis=1, mode="wrap"), BLUR_TIME, axis=0)
    return np.concatenate([[0.0], np.square(np.diff(blurred, axis=0)).sum(axis=1)])


def _sound_novelty(steps: Steps) -> Curve:
    """How far the sound before and after each step is apart. A bar without drums does not move a median."""
    found = np.zeros(len(steps.times_s))
    for at in range(CONTEXT, len(found) - CONTEXT):
        before, after = slice(max(0, at - AROUND), at), slice(at, at + AROUND)
        off = np.median(steps.timbre[before], axis=0) - np.median(steps.timbre[after], axis=0)
        found[at] = _distance(off, steps.chroma[before].mean(axis=0) - steps.chroma[after].mean(axis=0))
    return found


def _close_novelty(steps: Steps) -> Curve:
    found = np.zeros(len(steps.times_s))
    for at in range(CONTEXT, len(found) - CONTEXT):
        before, after = slice(max(0, at - CLOSE), at), slice(at, at + CLOSE)
        off = steps.timbre[before].mean(axis=0) - steps.timbre[after].mean(axis=0)
        found[at] = _distance(off, steps.chroma[before].mean(axis=0) - steps.chroma[after].mean(axis=0))
    return found


def _distance(timbre: Rows, harmony: Rows) -> float:
    far = float(np.sqrt(np.square(timbre).mean()))
    return SOUND_TIMBRE_SHARE * far + (1 - SOUND_TIMBRE_SHARE) * HARMONY_SCALE * float(np.linalg.norm(harmony))


def _in_context(rows: Rows) -> Rows:
    """Each row beside its neighbours, CONTEXT of them together."""
    padded = np.pad(rows, ((CONTEXT // 2, CONTEXT - 1 - CONTEXT // 2), (0, 0)), mode="edge")
    return np.concatenate([padded[i : i + len(rows)] for i in range(CONTEXT)], axis=1)


def _directions(chroma: Rows) -> Rows:
    """Rows of length 1, beside the mean of all."""
    rows = chroma - chroma.mean(axis=0)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
