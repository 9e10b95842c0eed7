"""The numbers of tower/beats/fitted.json, found on the tuning half of the corpus (python -m benchmarks.beats --fit)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import mir_eval
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from tower.beats import confidence, counting, fitted, listening, tempo, tracking
from tower.beats.analysis import TempoHint
from tower.beats.counting import Way
from tower.beats.onsets import Onsets
from tower.beats.segments import main_tempo, segments

FITTED = Path(counting.__file__).with_name("fitted.json")
RIGHT_F = 0.8  # beats right to 70 ms: a track counts as right from there on, if its tempo is right within 4 %
HEARD_F = 0.6
RIDGE = {"counting": 0.005, "confidence": 0.01}

Matrix = NDArray[np.float64]
Piece = tuple[Onsets, float, Matrix]  # curves, seconds, true beats


def fit(pieces: Sequence[Piece]) -> None:
    """First the way to count, then, with it, the confidence. Writes fitted.json."""
    kept = json.loads(FITTED.read_text())
    rows = [row for piece in pieces if (row := _example(*piece))]
    signs = np.array([row[0] for row in rows])
    ways = list(Way)
    weights = _softmax_fit(_with_bias(signs), np.array([[way in row[1] for way in ways] for row in rows], float))
    kept["counting"] = {way.value: [round(float(w), 4) for w in row] for way, row in zip(ways, weights, strict=True)}
    kept["source"] = f"python -m benchmarks.beats --fit, {len(pieces)} tuning tracks, {len(rows)} with beats to count"
    FITTED.write_text(json.dumps(kept, indent=1) + "\n")
    fitted.FITTED.update(kept)
    examples = [(astuple(found), is_right(*piece)) for piece in pieces if (found := _signs(*piece[:2]))]
    confident = np.array([row for row, _ in examples])
    kept["confidence"] = _logistic_fit(_with_bias(confident), np.array([right for _, right in examples], float))
    FITTED.write_text(json.dumps(kept, indent=1) + "\n")
    fitted.FITTED.update(kept)


def is_right(curves: Onsets, duration_s: float, truth: Matrix) -> bool:
    """The beats are right to 70 ms, in this octave; without beats in truth nothing that is heard is right."""
    times = listening.tracked(curves, duration_s, TempoHint()).times_s
    return len(truth) > 0 and f_measure(truth, times) >= RIGHT_F


def f_measure(truth: Matrix, times: Matrix, window_s: float = 0.07) -> float:
    trim = mir_eval.beat.trim_beats
    return float(mir_eval.beat.f_measure(trim(truth), trim(times), window_s))


def _example(curves: Onsets, duration_s: float, truth: Matrix) -> tuple[Matrix, set[Way]] | None:
    """The signs of the beats as they are found first, and the ways that are right."""
    if not len(truth) or confidence.deaf(curves):
        return None
    curve = tracking.evened(curves)
    tempos = tempo.tempo_map(curve, TempoHint())
    periods = tempos.periods(len(curve))
    frames = tracking.beat_frames(curve, periods)
    times = listening.placed(curve, curves, duration_s, frames)
    parts = segments(times)
    if len(times) < listening.FEWEST_TO_COUNT or not parts:
        return None
    bpm = main_tempo(parts).bpm
    signs = counting.signs(times, bpm, tempos.octaves(bpm), curves)
    scores = {
        way: f_measure(
            truth, listening.placed(curve, curves, duration_s, listening.counted(curve, periods, frames, way))
        )
        for way in Way
    }
    best = max(scores.values())
    return (signs, {way for way, score in scores.items() if score > best - 0.02}) if best >= HEARD_F else None


def _signs(curves: Onsets, duration_s: float) -> confidence.Signs | None:
    if confidence.deaf(curves):
        return None
    beats = listening.tracked(curves, duration_s, TempoHint())
    if not beats.parts:
        return None
    found = confidence.signs(beats.curve, beats.times_s, beats.parts, beats.tempos, beats.count)
    return None if confidence.pulseless(found, len(beats.times_s)) else found


def _with_bias(rows: Matrix) -> Matrix:
    return np.hstack([np.ones((len(rows), 1)), rows])


def _softmax_fit(rows: Matrix, right: Matrix) -> Matrix:
    """Classes × features: the most likely weights for which one of the right classes comes out."""
    classes, features = right.shape[1], rows.shape[1]

    def loss(flat: Matrix) -> float:
        scores = rows @ flat.reshape(classes, features).T
        total = np.logaddexp.reduce(scores, axis=1)
        hit = np.logaddexp.reduce(np.where(right > 0, scores, -1e9), axis=1)
        return float(np.mean(total - hit) + RIDGE["counting"] * np.mean(flat**2) * classes)

    return np.asarray(minimize(loss, np.zeros(classes * features), method="L-BFGS-B").x.reshape(classes, features))


def _logistic_fit(rows: Matrix, right: Matrix) -> list[float]:
    def loss(weights: Matrix) -> float:
        scores = rows @ weights
        return float(
            np.mean(np.logaddexp(0, scores) - right * scores) + RIDGE["confidence"] * np.mean(weights[1:] ** 2)
        )

    found = minimize(loss, np.zeros(rows.shape[1]), method="L-BFGS-B").x
    return [round(float(weight), 4) for weight in found]
