"""How far to trust what was heard: signs of a steady pulse, weighed by a logistic fit, and what rules a pulse out."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from tower.beats.coefficients import FITTED
from tower.beats.counting import Count
from tower.beats.onsets import FPS, Curve, Onsets, near
from tower.beats.segments import Segment
from tower.beats.tempo import BPM, TempoMap, likeliest, prior
from tower.beats.tracking import FAINT_DB

SHORTEST_S, FEWEST_BEATS = 3.0, 4
STEADY_RISE = 0.02  # of the strong onsets (98 %), in log-mel units: below, nothing begins anew
LEAST_CLARITY = 0.15  # speech, wind and rain stay below 0.1, music of the tuning half is above 0.36
OFF_BEATS = (0.125, 0.375, 0.625, 0.875)  # of a beat: neither on the beat nor on its halves
OTHER_PRIORS = (85.0, 170.0)  # BPM
AGREED = 0.04
SUREST = 0.99  # of the way to count: no net knows more


@dataclass(frozen=True)
class Signs:
    """All 0–1. `even`: beats within 25 ms of their line; `contrast`: onsets on the beats beside those between them;
    `clarity`: of the tempogram; `agreement`: windows in which two other priors lead to the same tempo; `octave`: how
    likely this way to count is."""

    even: float
    contrast: float
    clarity: float
    agreement: float
    octave: float


def signs(
    curve: Curve, times_s: NDArray[np.float64], parts: tuple[Segment, ...], tempo: TempoMap, count: Count | None
) -> Signs:
    counted = np.array([part.last - part.first + 1 for part in parts], float)
    even = float(np.dot(counted, [part.even for part in parts]) / max(counted.sum(), 1))
    counted_so = count.likely[count.best] if count else 0.5
    return Signs(even, _contrast(curve, times_s), tempo.clarity, _agreement(tempo), counted_so)


def confidence(found: Signs) -> float:
    """0–1: how often so many signs were right."""
    bias, *weights = FITTED["confidence"]
    return float(1 / (1 + np.exp(-(np.dot(weights, weighed(found)) + bias))))


def weighed(found: Signs) -> NDArray[np.float64]:
    """The signs as the fit takes them: the way to count by the logarithm of its odds."""
    *others, octave = astuple(found)
    likely = float(np.clip(octave, 1 - SUREST, SUREST))
    return np.array([*others, np.log(likely / (1 - likely))])


def of_part(part: Segment, found: Signs) -> float:
    """The same for one stretch: less by as much as its beats are less even than those of the whole."""
    return confidence(found) * min(1.0, part.even / max(found.even, 1e-9))


def deaf(onsets: Onsets) -> str | None:
    """Why there can be no beat in this sound; None if there can."""
    if len(onsets.rise) < SHORTEST_S * FPS:
        return f"It is shorter than {SHORTEST_S:.0f} seconds: too short to hear a tempo"
    if float(np.percentile(onsets.level_db, 98)) < FAINT_DB:
        return "It is silent"
    if float(np.percentile(onsets.rise, 98)) < STEADY_RISE:
        return "It is one steady sound: nothing in it begins anew"
    return None


def pulseless(found: Signs, beats: int) -> str | None:
    """Why the beats that were found are none; None if they may be."""
    if beats < FEWEST_BEATS:
        return f"Fewer than {FEWEST_BEATS} beats were heard"
    if found.clarity < LEAST_CLARITY:
        return "Its sounds do not return evenly, as in speech or noise"
    return None


def _contrast(curve: Curve, times_s: NDArray[np.float64]) -> float:
    gaps = np.diff(times_s)
    off = np.concatenate([times_s[:-1] + share * gaps for share in OFF_BEATS])
    on_beat, off_beat = float(near(curve, times_s, 2).mean()), float(near(curve, off, 0).mean())
    return float(np.clip((on_beat - off_beat) / (on_beat + off_beat + 1e-6), 0, 1))


def _agreement(tempo: TempoMap) -> float:
    chosen = tempo.bpm
    same = np.ones(len(chosen), bool)
    for middle in OTHER_PRIORS:
        other = BPM[likeliest(tempo.strengths, prior(tempo.hint, usual_bpm=middle))]
        same &= np.abs(other / chosen - 1) < AGREED
    return float(same.mean())
