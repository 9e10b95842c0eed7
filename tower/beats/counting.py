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

from tower.beats.coefficients import FITTED
from tower.beats.onsets import CHROMA_EVERY, Onsets, frames_of
from tower.beats.tempo import TempoMap

USUAL_BPM = 120.0
PLACES = 12  # places in a beat at which onsets are measured
ON, QUARTER, THIRD, HALF, TWO_THIRDS, THREE_QUARTERS = 0, 3, 4, 6, 8, 9
BAR = 16  # beats that are compared with each other; over more, the count may slip
FAINT = 0.01  # in log-mel units, added so that silence has no effect
ALIKE, NOTHING = 0.08, 0.15  # least difference of every other beat, and least rise between beats relative to on them
TURN = 6  # rows of chroma compared before and after, 0.28 s

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """A metre relative to the tracked beats: `beat_ratio` of them make a beat, and the first is at `offset_beats`."""

    beats: float
    shift: float = 0.0

    def times(self, times_s: Times) -> Times:
        """The times of its beats, given those of the tracked beats."""
        return self.around(times_s)[:, 0]

    def around(self, times_s: Times) -> Times:
        """Beats × SUBDIVISIONS: the times of the subdivisions of each beat."""
        first = np.arange(self.shift, len(times_s) - 0.99, self.beats)
        places = first[:, None] + np.arange(PLACES) / PLACES * self.beats
        return np.asarray(np.interp(places, np.arange(len(times_s)), times_s))


SAME = Way(1)
WAYS = (
    SAME, Way(1, 0.25), Way(1, 0.5), Way(1, 0.75),
    Way(2), Way(2, 0.5), Way(2, 1), Way(2, 1.5), Way(1 / 2), Way(1 / 2, 0.25),
    Way(2 / 3), Way(2 / 3, 1 / 3), Way(4 / 3), Way(4 / 3, 1 / 3), Way(3 / 2),
)  # fmt: skip


@dataclass(frozen=True)
class Count:
    """The probability of each hypothesis; they add up to 1."""

    likely: dict[Way, float]

    @property
    def best(self) -> Way:
        return max(self.likely, key=self.likely.__getitem__)

    def ratios(self) -> dict[float, float]:
        """The probability of each tempo, by its ratio to the tempo of the best hypothesis."""
        found: dict[float, float] = {}
        for way, likely in self.likely.items():
            ratio = self.best.beats / way.beats
            found[ratio] = found.get(ratio, 0.0) + likely
        return found


def count(times_s: Times, tempo: TempoMap, onsets: Onsets, *, bpm: float, allowed: Sequence[Way]) -> Count:
    """Estimate the metre of beats at about `bpm`."""
    found = signs(times_s, tempo, onsets, bpm=bpm, ways=allowed)
    likely = np.exp(scores(found, FITTED["counting"]))
    unsupported = _without_evidence(times_s, onsets)
    likely[[way in unsupported for way in allowed]] = 0
    return Count({way: float(share) for way, share in zip(allowed, likely / likely.sum(), strict=True)})


def scores(found: Times, net: Mapping[str, Sequence[float]]) -> Times:
    """The score of each row of features; the highest is 0."""
    hidden = np.tanh(found @ np.array(net["hidden"]) + net["bias"])
    raw = hidden @ np.array(net["out"]) + found @ np.array(net["direct"])
    return np.asarray(raw - raw.max())


def signs(times_s: Times, tempo: TempoMap, onsets: Onsets, *, bpm: float, ways: Sequence[Way]) -> Times:
    """The input of the network: a row for each hypothesis, each feature about −2…2."""
    parts, turns = _widen(onsets.parts), _harmony_changes(onsets.chroma)
    rows = []
    for way in ways:
        frames = frames_of(way.around(times_s)).clip(0, len(parts) - 1)
        turn = turns[(frames // CHROMA_EVERY).clip(0, len(turns) - 1)].mean(axis=0)
        rows.append(
            [*_tempo_features(way, bpm / way.beats, tempo), *_rhythm_features(parts[frames]), *_harmony_features(turn)]
        )
    return np.array(rows)


def _tempo_features(way: Way, bpm: float, tempo: TempoMap) -> list[float]:
    octave = float(np.log2(bpm / USUAL_BPM))
    kinds = (way == SAME, way.beats in (2 / 3, 3 / 2), way.beats == 4 / 3)
    return [*map(float, kinds), octave, octave**2, abs(octave) ** 3, *tempo.octaves(bpm)]


def _rhythm_features(rises: NDArray[np.float32]) -> Times:
    """Features of beats × SUBDIVISIONS × bands: the places in the beat, and the alternation of beats and off-beats."""
    profile = rises.mean(axis=0, dtype=np.float64) + FAINT
    shape = np.log2(profile / profile.mean(axis=0))[[ON, HALF, QUARTER, THREE_QUARTERS, TWO_THIRDS, THIRD]]
    on, off = _alternation(rises[:, ON]), _alternation(rises[:, HALF])
    against = -(on[:, 0] * on[:, 1]).mean()  # kick on one beat, snare on the other
    return np.concatenate([shape.ravel(), np.abs(on).mean(axis=0), [against], np.abs(off).mean(axis=0)])


def _harmony_features(turn: Times) -> list[float]:
    return [float(turn[ON] - turn[HALF]), float(turn[ON] - turn.mean())]


def _without_evidence(times_s: Times, onsets: Onsets) -> set[Way]:
    """Hypotheses without evidence, as in the clicks of a metronome: all beats are alike, or nothing is between them."""
    rises = _widen(onsets.parts)[frames_of(SAME.around(times_s)).clip(0, len(onsets.parts) - 1)]
    profile = rises.mean(axis=0) + FAINT
    sways = np.abs(_alternation(rises[:, ON])).mean(axis=0)
    ruled_out = {way for way in WAYS if way.beats > 1} if sways.max() < ALIKE else set()
    if (profile[2:-1] / profile[ON]).max() < NOTHING:
        ruled_out |= {way for way in WAYS if way != SAME and (way.beats < 1 or way.shift % 1)}
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
    at = np.arange(-TURN, len(rows))
    spans = (sums[np.minimum(at + TURN, len(rows))] - sums[np.maximum(at, 0)]).astype(np.float32)
    lengths = np.linalg.norm(spans, axis=1)
    alike = np.einsum("ij,ij->i", spans[TURN:], spans[:-TURN]) / (lengths[TURN:] * lengths[:-TURN] + 1e-9)
    return np.asarray(1 - alike, np.float64)


def _alternation(strokes: NDArray[np.float32]) -> Times:
    """Windows × bands: how much every other onset stands out; positive for the even ones."""
    size = min(BAR, len(strokes) // 2 * 2)
    if not size:
        return np.zeros((1, strokes.shape[1]))
    pairs = strokes[: len(strokes) // size * size].reshape(-1, size // 2, 2, strokes.shape[1]).mean(axis=1)
    even, odd = pairs[:, 0], pairs[:, 1]
    return np.asarray((even - odd) / (even + odd + FAINT), np.float64)
