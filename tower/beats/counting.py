"""Estimates the metre: the beats as tracked, at another tempo, or from another place in the beat.

The tempogram hardly distinguishes these hypotheses, but the music does: by the places of drums, bass and chords in the
beat, the changes of harmony, and the differences between every other beat. The same features describe each hypothesis.
A small network, fitted on synthesised music (docs/beats.md), scores them, and a softmax turns scores into
probabilities. Hypotheses that are not chosen stay among the candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tower.beats.coefficients import COEFFICIENTS
from tower.beats.onsets import CHROMA_EVERY, Onsets, times_to_frames
from tower.beats.tempo import TempoMap

USUAL_BPM = 120.0
SUBDIVISIONS = 12  # places in a beat at which onsets are measured
ON, QUARTER, THIRD, HALF, TWO_THIRDS, THREE_QUARTERS = 0, 3, 4, 6, 8, 9
WINDOW_BEATS = 16  # beats that are compared with each other; over more, the count may slip
RISE_FLOOR = 0.01  # in log-mel units, added so that silence has no effect
MIN_ALTERNATION, MIN_OFF_BEAT_RISE = (
    0.08,
    0.15,
)  # least difference of every other beat, and least rise between beats relative to on them
TURN_ROWS = 6  # rows of chroma compared before and after, 0.28 s

Times = NDArray[np.float64]


@dataclass(frozen=True)
class MetreHypothesis:
    """A metre relative to the tracked beats: `beat_ratio` of them make a beat, and the first is at `offset_beats`."""

    beat_ratio: float
    offset_beats: float = 0.0

    def beat_times(self, times_s: Times) -> Times:
        """The times of its beats, given those of the tracked beats."""
        return self.subdivision_times(times_s)[:, 0]

    def subdivision_times(self, times_s: Times) -> Times:
        """Beats × SUBDIVISIONS: the times of the subdivisions of each beat."""
        first = np.arange(self.offset_beats, len(times_s) - 0.99, self.beat_ratio)
        places = first[:, None] + np.arange(SUBDIVISIONS) / SUBDIVISIONS * self.beat_ratio
        return np.asarray(np.interp(places, np.arange(len(times_s)), times_s))


AS_TRACKED = MetreHypothesis(1)
HYPOTHESES = (
    AS_TRACKED, MetreHypothesis(1, 0.25), MetreHypothesis(1, 0.5), MetreHypothesis(1, 0.75),
    MetreHypothesis(2), MetreHypothesis(2, 0.5), MetreHypothesis(2, 1), MetreHypothesis(2, 1.5),
    MetreHypothesis(1 / 2), MetreHypothesis(1 / 2, 0.25),
    MetreHypothesis(2 / 3), MetreHypothesis(2 / 3, 1 / 3),
    MetreHypothesis(4 / 3), MetreHypothesis(4 / 3, 1 / 3), MetreHypothesis(3 / 2),
)  # fmt: skip


@dataclass(frozen=True)
class MetrePosterior:
    """The probability of each hypothesis; they add up to 1."""

    probabilities: dict[MetreHypothesis, float]

    @property
    def best(self) -> MetreHypothesis:
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def tempo_probabilities(self) -> dict[float, float]:
        """The probability of each tempo, by its ratio to the tempo of the best hypothesis."""
        found: dict[float, float] = {}
        for way, likely in self.probabilities.items():
            ratio = self.best.beat_ratio / way.beat_ratio
            found[ratio] = found.get(ratio, 0.0) + likely
        return found


def estimate_metre(
    times_s: Times, tempo_map: TempoMap, onsets: Onsets, *, bpm: float, hypotheses: Sequence[MetreHypothesis]
) -> MetrePosterior:
    """Estimate the metre of beats at about `bpm`."""
    found = metre_features(times_s, tempo_map, onsets, bpm=bpm, hypotheses=hypotheses)
    likely = np.exp(score_features(found, COEFFICIENTS["counting"]))
    unsupported = _without_evidence(times_s, onsets)
    likely[[way in unsupported for way in hypotheses]] = 0
    return MetrePosterior({way: float(share) for way, share in zip(hypotheses, likely / likely.sum(), strict=True)})


def score_features(features: Times, net: Mapping[str, Sequence[float]]) -> Times:
    """The score of each row of features; the highest is 0."""
    hidden = np.tanh(features @ np.array(net["hidden"]) + net["bias"])
    raw = hidden @ np.array(net["out"]) + features @ np.array(net["direct"])
    return np.asarray(raw - raw.max())


def metre_features(
    times_s: Times, tempo_map: TempoMap, onsets: Onsets, *, bpm: float, hypotheses: Sequence[MetreHypothesis]
) -> Times:
    """The input of the network: a row for each hypothesis, each feature about −2…2."""
    parts, turns = _widen(onsets.band_rises), _harmony_changes(onsets.chroma)
    rows = []
    for way in hypotheses:
        frames = times_to_frames(way.subdivision_times(times_s)).clip(0, len(parts) - 1)
        turn = turns[(frames // CHROMA_EVERY).clip(0, len(turns) - 1)].mean(axis=0)
        rows.append(
            [
                *_tempo_features(way, bpm / way.beat_ratio, tempo_map),
                *_rhythm_features(parts[frames]),
                *_harmony_features(turn),
            ]
        )
    return np.array(rows)


def _tempo_features(way: MetreHypothesis, bpm: float, tempo: TempoMap) -> list[float]:
    octave = float(np.log2(bpm / USUAL_BPM))
    kinds = (way == AS_TRACKED, way.beat_ratio in (2 / 3, 3 / 2), way.beat_ratio == 4 / 3)
    return [*map(float, kinds), octave, octave**2, abs(octave) ** 3, *tempo.octave_strengths(bpm)]


def _rhythm_features(rises: NDArray[np.float32]) -> Times:
    """Features of beats × SUBDIVISIONS × bands: the places in the beat, and the alternation of beats and off-beats."""
    profile = rises.mean(axis=0, dtype=np.float64) + RISE_FLOOR
    shape = np.log2(profile / profile.mean(axis=0))[[ON, HALF, QUARTER, THREE_QUARTERS, TWO_THIRDS, THIRD]]
    on, off = _alternation(rises[:, ON]), _alternation(rises[:, HALF])
    against = -(on[:, 0] * on[:, 1]).mean()  # kick on one beat, snare on the other
    return np.concatenate([shape.ravel(), np.abs(on).mean(axis=0), [against], np.abs(off).mean(axis=0)])


def _harmony_features(turn: Times) -> list[float]:
    return [float(turn[ON] - turn[HALF]), float(turn[ON] - turn.mean())]


def _without_evidence(times_s: Times, onsets: Onsets) -> set[MetreHypothesis]:
    """Hypotheses without evidence, as in the clicks of a metronome: all beats are alike, or nothing is between them."""
    rises = _widen(onsets.band_rises)[
        times_to_frames(AS_TRACKED.subdivision_times(times_s)).clip(0, len(onsets.band_rises) - 1)
    ]
    profile = rises.mean(axis=0) + RISE_FLOOR
    sways = np.abs(_alternation(rises[:, ON])).mean(axis=0)
    ruled_out = {way for way in HYPOTHESES if way.beat_ratio > 1} if sways.max() < MIN_ALTERNATION else set()
    if (profile[2:-1] / profile[ON]).max() < MIN_OFF_BEAT_RISE:
        ruled_out |= {way for way in HYPOTHESES if way != AS_TRACKED and (way.beat_ratio < 1 or way.offset_beats % 1)}
    return ruled_out


def _widen(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each value replaced by the largest within two frames."""
    wide = parts.copy()
    for step in (1, 2):
        np.maximum(wide[step:], parts[:-step], out=wide[step:])
        np.maximum(wide[:-step], parts[step:], out=wide[:-step])
    return wide


def _harmony_changes(chroma: NDArray[np.float32]) -> Times:
    """How much the tones after each row differ from those before it, 0–1."""
    rows = chroma / (np.linalg.norm(chroma, axis=1, keepdims=True) + 1e-9)
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(rows, axis=0, dtype=np.float64)])
    at = np.arange(-TURN_ROWS, len(rows))
    spans = (sums[np.minimum(at + TURN_ROWS, len(rows))] - sums[np.maximum(at, 0)]).astype(np.float32)
    lengths = np.linalg.norm(spans, axis=1)
    alike = np.einsum("ij,ij->i", spans[TURN_ROWS:], spans[:-TURN_ROWS]) / (
        lengths[TURN_ROWS:] * lengths[:-TURN_ROWS] + 1e-9
    )
    return np.asarray(1 - alike, np.float64)


def _alternation(strokes: NDArray[np.float32]) -> Times:
    """Windows × bands: how much every other onset stands out; positive for the even ones."""
    size = min(WINDOW_BEATS, len(strokes) // 2 * 2)
    if not size:
        return np.zeros((1, strokes.shape[1]))
    pairs = strokes[: len(strokes) // size * size].reshape(-1, size // 2, 2, strokes.shape[1]).mean(axis=1)
    even, odd = pairs[:, 0], pairs[:, 1]
    return np.asarray((even - odd) / (even + odd + RISE_FLOOR), np.float64)
