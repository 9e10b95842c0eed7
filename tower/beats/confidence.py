"""Estimates the confidence of an analysis from features of a steady pulse, and recognises sound without a pulse."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from tower.beats.coefficients import COEFFICIENTS
from tower.beats.counting import MetrePosterior
from tower.beats.onsets import FPS, Curve, Onsets, max_near
from tower.beats.segments import TempoSegment
from tower.beats.tempo import BPM_GRID, TempoMap, likeliest_path, tempo_prior
from tower.beats.tracking import ABSOLUTE_SILENCE_DB

MIN_DURATION_S, MIN_BEATS = 3.0, 4
MIN_RISE = 0.02  # of the strong onsets (98 %), in log-mel units; below it, a sound has no onsets
CERTAIN_CLARITY = 0.35  # music of the tuning half is above it; speech, wind and rain stay below 0.1
MIN_CLARITY = 0.15  # in most windows; below it, one tempo must return through the whole sound
MIN_RECURRENCE = 0.15  # of that tempo; speech, wind and rain stay below 0.1
OFF_BEAT_SHARES = (0.125, 0.375, 0.625, 0.875)  # of a beat: neither on the beat nor on its halves
OTHER_PRIORS_BPM = (85.0, 170.0)  # BPM
MAX_TEMPO_DIFFERENCE = 0.04
MAX_METRE_PROBABILITY = 0.99  # cap on the probability of the metre


@dataclass(frozen=True)
class Features:
    """Features of a steady pulse, all 0–1.

    `evenness`: share of beats within 25 ms of their line. `contrast`: onsets on the beats compared with those between
    them. `clarity`: of the tempogram. `agreement`: share of windows in which two other priors lead to the same tempo.
    `metre_probability`: of the chosen metre.
    """

    evenness: float
    contrast: float
    clarity: float
    agreement: float
    metre_probability: float


def compute_features(
    curve: Curve,
    times_s: NDArray[np.float64],
    segments: tuple[TempoSegment, ...],
    tempo_map: TempoMap,
    metre: MetrePosterior | None,
) -> Features:
    counted = np.array([part.last - part.first + 1 for part in segments], float)
    even = float(np.dot(counted, [part.even_share for part in segments]) / max(counted.sum(), 1))
    counted_so = metre.probabilities[metre.best] if metre else 0.5
    return Features(even, _contrast(curve, times_s), tempo_map.clarity, _agreement(tempo_map), counted_so)


def estimate_confidence(features: Features) -> float:
    """The probability, 0–1, that beats with these features are right.

    The fit knows only music with a clear pulse, so a fainter one lowers its result.
    """
    bias, *weights = COEFFICIENTS["confidence"]
    fitted = 1 / (1 + np.exp(-(np.dot(weights, feature_vector(features)) + bias)))
    return float(fitted * min(1.0, features.clarity / CERTAIN_CLARITY))


def feature_vector(features: Features) -> NDArray[np.float64]:
    """The features as the fit takes them, with the log odds of the metre instead of its probability."""
    *others, octave = astuple(features)
    likely = float(np.clip(octave, 1 - MAX_METRE_PROBABILITY, MAX_METRE_PROBABILITY))
    return np.array([*others, np.log(likely / (1 - likely))])


def segment_confidence(segment: TempoSegment, features: Features) -> float:
    """The confidence of one segment, reduced if its beats are less even than those of the whole file."""
    return estimate_confidence(features) * min(1.0, segment.even_share / max(features.evenness, 1e-9))


def reason_unanalysable(onsets: Onsets) -> str | None:
    """The reason why this sound cannot have beats; None if it can."""
    if len(onsets.rise) < MIN_DURATION_S * FPS:
        return f"It is shorter than {MIN_DURATION_S:.0f} seconds: too short to hear a tempo"
    if float(np.percentile(onsets.level_db, 98)) < ABSOLUTE_SILENCE_DB:
        return "It is silent"
    if float(np.percentile(onsets.rise, 98)) < MIN_RISE:
        return "It is one steady sound without onsets"
    return None


def reason_no_pulse(features: Features, tempo_map: TempoMap, beat_count: int) -> str | None:
    """The reason why the found beats are not a pulse; None if they may be one, or if a hint says that there is one."""
    if beat_count < MIN_BEATS:
        return f"Fewer than {MIN_BEATS} beats were found"
    if tempo_map.hint.key or features.clarity >= MIN_CLARITY or tempo_map.recurrence >= MIN_RECURRENCE:
        return None
    return "No tempo returns in it more clearly than in noise"


def _contrast(curve: Curve, times_s: NDArray[np.float64]) -> float:
    gaps = np.diff(times_s)
    off = np.concatenate([times_s[:-1] + share * gaps for share in OFF_BEAT_SHARES])
    on_beat, off_beat = float(max_near(curve, times_s, 2).mean()), float(max_near(curve, off, 0).mean())
    return float(np.clip((on_beat - off_beat) / (on_beat + off_beat + 1e-6), 0, 1))


def _agreement(tempo: TempoMap) -> float:
    chosen = tempo.bpm
    same = np.ones(len(chosen), bool)
    for middle in OTHER_PRIORS_BPM:
        other = BPM_GRID[likeliest_path(tempo.strengths, tempo_prior(tempo.hint, usual_bpm=middle))]
        same &= np.abs(other / chosen - 1) < MAX_TEMPO_DIFFERENCE
    return float(same.mean())
