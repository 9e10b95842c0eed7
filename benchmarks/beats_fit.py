"""Fits coefficients.json on tuning tracks for `python -m benchmarks.beats --fit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from tower.beats import analysis, coefficients, confidence, counting, tempo
from tower.beats.onsets import Onsets
from tower.beats.results import TempoHint

COEFFICIENTS_FILE = Path(counting.__file__).with_name("coefficients.json")
CORRECT_F_MEASURE = 0.8  # F within 70 ms from which a track counts as right
MIN_F_MEASURE = 0.6
EQUIVALENT_MARGIN = 0.02
HIDDEN_UNITS = 16
RIDGE = {"counting": 0.003, "confidence": 0.001}
SEED = 1

Matrix = NDArray[np.float64]
FitTrack = tuple[Onsets, float, Matrix]  # curves, seconds, true beats


@dataclass(frozen=True)
class FitExample:
    """One track: the features of each metre hypothesis, and which hypotheses are right."""

    features: Matrix
    is_correct: NDArray[np.bool_]


def fit_coefficients(pieces: Sequence[FitTrack]) -> None:
    """Fit the metre on two thirds of the pieces, then the confidence on the last third, so that it reflects new music.
    Writes coefficients.json."""
    examples = [one for i, piece in enumerate(pieces) if i % 3 and (one := _example(*piece))]
    kept: dict[str, Any] = {"counting": _net_fit(examples)}
    coefficients.COEFFICIENTS.update(kept)
    analysed = [both for piece in pieces[::3] if (both := _heard(*piece))]
    rows = np.array([confidence.feature_vector(found) for found, _ in analysed])
    kept["confidence"] = _logistic_fit(_with_bias(rows), np.array([right for _, right in analysed], float))
    kept["source"] = (
        f"python -m benchmarks.beats --fit, {len(pieces)} tuning tracks: {len(examples)} for the counting, "
        f"{len(analysed)} others for the confidence"
    )
    coefficients.COEFFICIENTS.update(kept)
    COEFFICIENTS_FILE.write_text(json.dumps(kept).replace("], ", "],\n ") + "\n")


def f_measure(truth: Matrix, times: Matrix, window_s: float = 0.07) -> float:
    trim = mir_eval.beat.trim_beats
    return float(mir_eval.beat.f_measure(trim(truth), trim(times), window_s))


def _example(curves: Onsets, duration_s: float, truth: Matrix) -> FitExample | None:
    """None for a track without beats, and for one that no hypothesis tracks well."""
    if not len(truth) or confidence.reason_unanalysable(curves):
        return None
    beats = analysis.track_beats(curves, duration_s, TempoHint())
    if len(beats.times_s) < analysis.MIN_BEATS_FOR_METRE or not beats.segments:
        return None
    ways = [way for way in counting.HYPOTHESES if tempo.is_in_range(beats.bpm / way.beat_ratio, TempoHint())]
    signs = counting.metre_features(beats.times_s, beats.tempo_map, curves, bpm=beats.bpm, hypotheses=ways)
    scores = np.array([f_measure(truth, way.beat_times(beats.times_s)) for way in ways])
    return FitExample(signs, scores > scores.max() - EQUIVALENT_MARGIN) if scores.max() >= MIN_F_MEASURE else None


def _heard(curves: Onsets, duration_s: float, truth: Matrix) -> tuple[confidence.Features, bool] | None:
    """The features and whether the beats are right within 70 ms, in this octave. Without true beats none is right."""
    if confidence.reason_unanalysable(curves):
        return None
    beats = analysis.choose_metre(curves, duration_s, TempoHint())
    if not beats.segments:
        return None
    found = confidence.compute_features(beats.curve, beats.times_s, beats.stretches, beats.tempo_map, beats.metre)
    right = len(truth) > 0 and f_measure(truth, beats.times_s) >= CORRECT_F_MEASURE
    return None if confidence.reason_no_pulse(found, beats.tempo_map, len(beats.times_s)) else (found, right)


def _net_fit(examples: Sequence[FitExample]) -> dict[str, list[float]]:
    """The most likely net that gives one of the right hypotheses for each track."""
    rows = np.concatenate([one.features for one in examples])
    track = np.repeat(np.arange(len(examples)), [len(one.features) for one in examples])
    starts = np.flatnonzero(np.diff(track, prepend=-1))
    right = np.concatenate([one.is_correct for one in examples])
    size = rows.shape[1]
    ends = np.cumsum([size * HIDDEN_UNITS, HIDDEN_UNITS, HIDDEN_UNITS])

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        hidden, bias, out, direct = np.split(flat, ends)
        lit = np.tanh(rows @ hidden.reshape(size, HIDDEN_UNITS) + bias)
        scores_of_ways = lit @ out + rows @ direct
        weights = np.exp(scores_of_ways - np.maximum.reduceat(scores_of_ways, starts)[track])
        total, hit = np.add.reduceat(weights, starts), np.add.reduceat(weights * right, starts) + 1e-12
        pull = (weights / total[track] - weights * right / hit[track]) / len(examples)
        back = pull[:, None] * out * (1 - np.square(lit))
        slope = np.concatenate([(rows.T @ back).ravel(), back.sum(axis=0), lit.T @ pull, rows.T @ pull])
        ridge = RIDGE["counting"]
        return float(np.mean(np.log(total / hit)) + ridge * flat @ flat), slope + 2 * ridge * flat

    start = np.random.default_rng(SEED).normal(0, 0.3, ends[-1] + size)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400}).x.round(3)
    hidden, bias, out, direct = np.split(found, ends)
    net = {"hidden": hidden.reshape(size, HIDDEN_UNITS), "bias": bias, "out": out, "direct": direct}
    return {name: values.tolist() for name, values in net.items()}


def _with_bias(rows: Matrix) -> Matrix:
    return np.hstack([np.ones((len(rows), 1)), rows])


def _logistic_fit(rows: Matrix, right: Matrix) -> list[float]:
    def loss(weights: Matrix) -> float:
        scores = rows @ weights
        return float(
            np.mean(np.logaddexp(0, scores) - right * scores) + RIDGE["confidence"] * np.mean(weights[1:] ** 2)
        )

    bounds = [(None, None), *[(0, None)] * (rows.shape[1] - 1)]  # no coefficient may count against a pulse
    found = minimize(loss, np.zeros(rows.shape[1]), method="L-BFGS-B", bounds=bounds).x
    return [round(float(weight), 4) for weight in found]
