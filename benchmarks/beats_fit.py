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

FITTED = Path(counting.__file__).with_name("coefficients.json")
RIGHT_F = 0.8  # F within 70 ms from which a track counts as right
HEARD_F = 0.6
AS_GOOD = 0.02
HIDDEN = 16
RIDGE = {"counting": 0.003, "confidence": 0.001}
SEED = 1

Matrix = NDArray[np.float64]
Piece = tuple[Onsets, float, Matrix]  # curves, seconds, true beats


@dataclass(frozen=True)
class Example:
    """One track: the features of each metre hypothesis, and which hypotheses are right."""

    signs: Matrix
    right: NDArray[np.bool_]


def fit(pieces: Sequence[Piece]) -> None:
    """Fit the metre on two thirds of the pieces, then the confidence on the last third, so that it reflects new music.
    Writes coefficients.json."""
    examples = [one for i, piece in enumerate(pieces) if i % 3 and (one := _example(*piece))]
    kept: dict[str, Any] = {"counting": _net_fit(examples)}
    coefficients.FITTED.update(kept)
    heard = [both for piece in pieces[::3] if (both := _heard(*piece))]
    rows = np.array([confidence.weighed(found) for found, _ in heard])
    kept["confidence"] = _logistic_fit(_with_bias(rows), np.array([right for _, right in heard], float))
    kept["source"] = (
        f"python -m benchmarks.beats --fit, {len(pieces)} tuning tracks: {len(examples)} for the counting, "
        f"{len(heard)} others for the confidence"
    )
    coefficients.FITTED.update(kept)
    FITTED.write_text(json.dumps(kept).replace("], ", "],\n ") + "\n")


def f_measure(truth: Matrix, times: Matrix, window_s: float = 0.07) -> float:
    trim = mir_eval.beat.trim_beats
    return float(mir_eval.beat.f_measure(trim(truth), trim(times), window_s))


def _example(curves: Onsets, duration_s: float, truth: Matrix) -> Example | None:
    """None for a track without beats, and for one that no hypothesis tracks well."""
    if not len(truth) or confidence.deaf(curves):
        return None
    beats = analysis.as_found(curves, duration_s, TempoHint())
    if len(beats.times_s) < analysis.FEWEST_TO_COUNT or not beats.parts:
        return None
    ways = [way for way in counting.WAYS if tempo.listened_for(beats.bpm / way.beats, TempoHint())]
    signs = counting.signs(beats.times_s, beats.tempos, curves, bpm=beats.bpm, ways=ways)
    scores = np.array([f_measure(truth, way.times(beats.times_s)) for way in ways])
    return Example(signs, scores > scores.max() - AS_GOOD) if scores.max() >= HEARD_F else None


def _heard(curves: Onsets, duration_s: float, truth: Matrix) -> tuple[confidence.Signs, bool] | None:
    """The features and whether the beats are right within 70 ms, in this octave. Without true beats none is right."""
    if confidence.deaf(curves):
        return None
    beats = analysis.tracked(curves, duration_s, TempoHint())
    if not beats.parts:
        return None
    found = confidence.signs(beats.curve, beats.times_s, beats.parts, beats.tempos, beats.count)
    right = len(truth) > 0 and f_measure(truth, beats.times_s) >= RIGHT_F
    return None if confidence.pulseless(found, len(beats.times_s)) else (found, right)


def _net_fit(examples: Sequence[Example]) -> dict[str, list[float]]:
    """The most likely net that gives one of the right hypotheses for each track."""
    rows = np.concatenate([one.signs for one in examples])
    track = np.repeat(np.arange(len(examples)), [len(one.signs) for one in examples])
    starts = np.flatnonzero(np.diff(track, prepend=-1))
    right = np.concatenate([one.right for one in examples])
    size = rows.shape[1]
    ends = np.cumsum([size * HIDDEN, HIDDEN, HIDDEN])

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        hidden, bias, out, direct = np.split(flat, ends)
        lit = np.tanh(rows @ hidden.reshape(size, HIDDEN) + bias)
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
    net = {"hidden": hidden.reshape(size, HIDDEN), "bias": bias, "out": out, "direct": direct}
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
