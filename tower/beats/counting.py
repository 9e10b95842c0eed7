"""Which way to count: as it was found, at another tempo, or from another place in the beat.

The tempogram hardly tells them apart. What is played does: where in the beat drums, bass and chords fall, where the
harmony turns, and how every other beat differs. Each way is described by the same signs; a small net, fitted on
synthesised music (docs/beats.md), gives each a score, and a softmax makes shares of them. The ways that are not taken
stay among the candidates.
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
PLACES = 12  # in a beat, at which is asked how strongly something begins
ON, QUARTER, THIRD, HALF, TWO_THIRDS, THREE_QUARTERS = 0, 3, 4, 6, 8, 9
BAR = 16  # beats that are compared with each other: in longer music the count may slip
FAINT = 0.01  # log-mel units, added so that silence is no sign
ALIKE, NOTHING = 0.08, 0.15  # how little every other beat may differ, and sound between the beats beside those on it
TURN = 6  # rows of chroma before and after, 0.28 s

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """`beats`: how many of those that were found one of this way lasts; `shift`: where it begins, in those."""

    beats: float
    shift: float = 0.0

    def times(self, times_s: Times) -> Times:
        """Its beats, by those that were found."""
        return self.around(times_s)[:, 0]

    def around(self, times_s: Times) -> Times:
        """Beats × PLACES: the times of the places in each."""
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
    """How likely each way is (they add up to 1)."""

    likely: dict[Way, float]

    @property
    def best(self) -> Way:
        return max(self.likely, key=self.likely.__getitem__)

    def ratios(self) -> dict[float, float]:
        """How likely each tempo is, by its ratio to that of the best way."""
        found: dict[float, float] = {}
        for way, likely in self.likely.items():
            ratio = self.best.beats / way.beats
            found[ratio] = found.get(ratio, 0.0) + likely
        return found


def count(times_s: Times, tempo: TempoMap, onsets: Onsets, *, bpm: float, allowed: Sequence[Way]) -> Count:
    """For beats at about `bpm`."""
    found = signs(times_s, tempo, onsets, bpm=bpm, ways=allowed)
    likely = np.exp(scores(found, FITTED["counting"]))
    groundless = _without_ground(times_s, onsets)
    likely[[way in groundless for way in allowed]] = 0
    return Count({way: float(share) for way, share in zip(allowed, likely / likely.sum(), strict=True)})


def scores(found: Times, net: Mapping[str, Sequence[float]]) -> Times:
    """Of each row of signs, the highest 0."""
    hidden = np.tanh(found @ np.array(net["hidden"]) + net["bias"])
    raw = hidden @ np.array(net["out"]) + found @ np.array(net["direct"])
    return np.asarray(raw - raw.max())


def signs(times_s: Times, tempo: TempoMap, onsets: Onsets, *, bpm: float, ways: Sequence[Way]) -> Times:
    """What the net weighs: a row for each way, each sign of about −2…2."""
    parts, turns = _widened(onsets.parts), _turns(onsets.chroma)
    rows = []
    for way in ways:
        frames = frames_of(way.around(times_s)).clip(0, len(parts) - 1)
        turn = turns[(frames // CHROMA_EVERY).clip(0, len(turns) - 1)].mean(axis=0)
        rows.append([*_tempo_signs(way, bpm / way.beats, tempo), *_signs(parts[frames]), *_turn_signs(turn)])
    return np.array(rows)


def _tempo_signs(way: Way, bpm: float, tempo: TempoMap) -> list[float]:
    octave = float(np.log2(bpm / USUAL_BPM))
    kinds = (way == SAME, way.beats in (2 / 3, 3 / 2), way.beats == 4 / 3)
    return [*map(float, kinds), octave, octave**2, abs(octave) ** 3, *tempo.octaves(bpm)]


def _signs(rises: NDArray[np.float32]) -> Times:
    """Of beats × PLACES × parts: where in the beat they lie, and how every other beat and off-beat differs."""
    profile = rises.mean(axis=0, dtype=np.float64) + FAINT
    shape = np.log2(profile / profile.mean(axis=0))[[ON, HALF, QUARTER, THREE_QUARTERS, TWO_THIRDS, THIRD]]
    on, off = _sways(rises[:, ON]), _sways(rises[:, HALF])
    against = -(on[:, 0] * on[:, 1]).mean()  # the kick on one, the snare on the other
    return np.concatenate([shape.ravel(), np.abs(on).mean(axis=0), [against], np.abs(off).mean(axis=0)])


def _turn_signs(turn: Times) -> list[float]:
    return [float(turn[ON] - turn[HALF]), float(turn[ON] - turn.mean())]


def _without_ground(times_s: Times, onsets: Onsets) -> set[Way]:
    """Ways that nothing speaks for, as in the clicks of a metronome: all beats alike, or nothing between them."""
    rises = _widened(onsets.parts)[frames_of(SAME.around(times_s)).clip(0, len(onsets.parts) - 1)]
    profile = rises.mean(axis=0) + FAINT
    sways = np.abs(_sways(rises[:, ON])).mean(axis=0)
    ruled_out = {way for way in WAYS if way.beats > 1} if sways.max() < ALIKE else set()
    if (profile[2:-1] / profile[ON]).max() < NOTHING:
        ruled_out |= {way for way in WAYS if way != SAME and (way.beats < 1 or way.shift % 1)}
    return ruled_out


def _widened(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each value the largest within two frames."""
    wide = parts.copy()
    for step in (1, 2):
        np.maximum(wide[step:], parts[:-step], out=wide[step:])
        np.maximum(wide[:-step], parts[step:], out=wide[:-step])
    return wide


def _turns(chroma: NDArray[np.float32]) -> Times:
    """How unlike the tones after each row are to those before it, 0–1."""
    rows = chroma / (np.linalg.norm(chroma, axis=1, keepdims=True) + 1e-9)
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(rows, axis=0, dtype=np.float64)])
    at = np.arange(-TURN, len(rows))
    spans = (sums[np.minimum(at + TURN, len(rows))] - sums[np.maximum(at, 0)]).astype(np.float32)
    lengths = np.linalg.norm(spans, axis=1)
    alike = np.einsum("ij,ij->i", spans[TURN:], spans[:-TURN]) / (lengths[TURN:] * lengths[:-TURN] + 1e-9)
    return np.asarray(1 - alike, np.float64)


def _sways(strokes: NDArray[np.float32]) -> Times:
    """Bars × parts: how much every other stroke stands out; the sign says which."""
    size = min(BAR, len(strokes) // 2 * 2)
    if not size:
        return np.zeros((1, strokes.shape[1]))
    pairs = strokes[: len(strokes) // size * size].reshape(-1, size // 2, 2, strokes.shape[1]).mean(axis=1)
    even, odd = pairs[:, 0], pairs[:, 1]
    return np.asarray((even - odd) / (even + odd + FAINT), np.float64)
