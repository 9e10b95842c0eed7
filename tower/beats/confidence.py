"""Estimates the confidence of an analysis from features of a steady pulse, and recognises sound without a pulse."""

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
STEADY_RISE = 0.02  # of the strong onsets (98 %), in log-mel units; below it, a sound has no onsets
LEAST_CLARITY = 0.15  # speech, wind and rain stay below 0.1, music of the tuning half is above 0.36
OFF_BEATS = (0.125, 0.375, 0.625, 0.875)  # of a beat: neither on the beat nor on its halves
OTHER_PRIORS = (85.0, 170.0)  # BPM
AGREED = 0.04
SUREST = 0.99  # cap on the probability of the metre


@dataclass(frozen=True)
class Signs:
    """Features of a steady pulse, all 0–1.

    `evenness`: share of beats within 25 ms of their line. `contrast`: onsets on the beats compared with those between
    them. `clarity`: of the tempogram. `agreement`: share of windows in which two other priors lead to the same tempo.
    `metre_probability`: of the chosen metre.
    """

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
    """The probability, 0–1, that beats with these features are right."""
    bias, *weights = FITTED["confidence"]
    return float(1 / (1 + np.exp(-(np.dot(weights, weighed(found)) + bias))))


def weighed(found: Signs) -> NDArray[np.float64]:
    """The features as the fit takes them, with the log odds of the metre instead of its probability."""
    *others, octave = astuple(found)
    likely = float(np.clip(octave, 1 - SUREST, SUREST))
    return np.array([*others, np.log(likely / (1 - likely))])


def of_part(part: Segment, found: Signs) -> float:
    """The confidence of one segment, reduced if its beats are less even than those of the whole file."""
    return confidence(found) * min(1.0, part.even / max(found.even, 1e-9))


def deaf(onsets: Onsets) -> str | None:
    """The reason why this sound cannot have beats; None if it can."""
    if len(onsets.rise) < SHORTEST_S * FPS:
        return f"It is shorter than {SHORTEST_S:.0f} seconds: too short to hear a tempo"
    if float(np.percentile(onsets.level_db, 98)) < FAINT_DB:
        return "It is silent"
    if float(np.percentile(onsets.rise, 98)) < STEADY_RISE:
        return "It is one steady sound without onsets"
    return None


def pulseless(found: Signs, beats: int) -> str | None:
    """The reason why the found beats are not a pulse; None if they may be one."""
    if beats < FEWEST_BEATS:
        return f"Fewer than {FEWEST_BEATS} beats were found"
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
