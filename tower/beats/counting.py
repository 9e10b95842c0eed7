"""Which way to count: as it was found, in half or in double time, or with the beats between the beats.

The tempogram hardly tells them apart. Drums do: a snare between the beats speaks for double time, beats without bass
and snare for half time, bass between the beats for a shift. A softmax weighs these signs, fitted on synthesised music
(docs/beats.md). It hears what most music does; the other ways stay among the candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from tower.beats.fitted import FITTED
from tower.beats.onsets import Onsets, frames_of

USUAL_BPM = 120.0
BAR = 16  # beats that are compared with each other: in longer music the count may slip
BETWEEN, SWAYS = slice(2, 5), slice(8, 11)  # places of these signs, of each part
ALIKE, NOTHING = 0.08, -0.7
FAINT = 0.003  # log-mel units, added so that silence is no sign

Times = NDArray[np.float64]


class Way(StrEnum):
    SAME = "same"
    HALF = "half"
    DOUBLE = "double"
    BETWEEN = "between"


@dataclass(frozen=True)
class Count:
    """How likely each way is (they add up to 1)."""

    likely: dict[Way, float]

    @property
    def best(self) -> Way:
        return max(self.likely, key=self.likely.__getitem__)


def count(
    times_s: Times, bpm: float, strengths: tuple[float, float, float], onsets: Onsets, *, allowed: set[Way]
) -> Count:
    """For beats at about `bpm`; `strengths` of the tempogram at half of it, at it, and at double."""
    found = signs(times_s, bpm, strengths, onsets)
    scores = {way: _score(way, found) for way in Way if way in allowed - _without_ground(found)}
    top = max(scores.values())
    weights = {way: float(np.exp(score - top)) for way, score in scores.items()}
    return Count({way: weights.get(way, 0.0) / sum(weights.values()) for way in Way})


def signs(times_s: Times, bpm: float, strengths: tuple[float, float, float], onsets: Onsets) -> Times:
    """What the softmax weighs, each of about −2…2."""
    gaps = np.diff(times_s)
    on, between = _rises(times_s[:-1], onsets), _rises(times_s[:-1] + gaps / 2, onsets)
    quarters = (_rises(times_s[:-1] + gaps / 4, onsets) + _rises(times_s[:-1] + gaps * 3 / 4, onsets)) / 2
    bars = [on[i : i + BAR] for i in range(0, max(1, len(on) - BAR + 1), BAR)]
    sways = np.array([_sway(bar) for bar in bars])
    octave = np.log2(bpm / USUAL_BPM)
    return np.concatenate(
        [
            [octave, octave**2],
            _ratio(between, on),
            _ratio(quarters, on),
            np.abs(sways).mean(axis=0),
            [-(sways[:, 0] * sways[:, 1]).mean()],
            strengths,
        ]
    )


def _without_ground(found: Times) -> set[Way]:
    """Ways that nothing speaks for, as in the clicks of a metronome: all beats alike, or nothing between them."""
    ruled_out: set[Way] = set()
    if found[SWAYS].max() < ALIKE:
        ruled_out.add(Way.HALF)
    if found[BETWEEN].max() < NOTHING:
        ruled_out |= {Way.DOUBLE, Way.BETWEEN}
    return ruled_out


def _rises(times_s: Times, onsets: Onsets) -> Times:
    """Times × PARTS: the strongest rise within two frames."""
    places = frames_of(times_s)[:, None] + np.arange(-2, 3)
    return np.asarray(onsets.parts[np.clip(places, 0, len(onsets.parts) - 1)].max(axis=1), np.float64)


def _ratio(these: Times, those: Times) -> Times:
    ratio = np.log2((these.mean(axis=0) + FAINT) / (those.mean(axis=0) + FAINT)) / 2
    return np.asarray(ratio.clip(-2, 2))


def _sway(bar: Times) -> Times:
    """How much every other beat stands out, of each part; the sign says which."""
    even, odd = bar[0::2].mean(axis=0), bar[1::2].mean(axis=0) if len(bar) > 1 else bar[0]
    return np.asarray((even - odd) / (even + odd + FAINT))


def _score(way: Way, found: Times) -> float:
    weights = FITTED["counting"][way.value]
    return float(np.dot(weights[1:], found) + weights[0])
