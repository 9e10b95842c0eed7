"""Analyses a file: its tempo, beats and downbeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tower.beats import confidence, counting, downbeats, tempo, tracking
from tower.beats.counting import SAME, WAYS, Count, Way
from tower.beats.onsets import Curve, Onsets, frames_of, onsets
from tower.beats.results import Analysis, TempoCandidate, TempoChange, TempoHint
from tower.beats.segments import Segment, changes, main_tempo, segments, steadied
from tower.beats.sound import Sound, reading
from tower.beats.tempo import TempoMap

FEWEST_TO_COUNT = 8
DOUBT = 0.2  # weight of the tempogram for the candidates, next to the metre's
ASIDE = 0.08  # in beats: standard deviation of a beat around its place in another metre

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Beats:
    """The tracked beats. `curve`: the normalised onsets. `metre`: None if there are too few beats to estimate it."""

    times_s: Times
    parts: tuple[Segment, ...]
    curve: Curve
    tempos: TempoMap
    count: Count | None

    @property
    def bpm(self) -> float:
        return main_tempo(self.parts).bpm

    def candidates(self) -> tuple[TempoCandidate, ...]:
        """The candidates of the tempogram, with their weight redistributed by the metre."""
        found = self.tempos.candidates(self.bpm)
        if self.count is None:
            return found
        return _redistribute(found, self.bpm, self.count)


def analyse(source: Path | IO[bytes], hint: TempoHint | None = None, *, name: str | None = None) -> Analysis:
    """Find the tempo and the beats of the first sound track of a local file. `name` is the file's name in errors.

    It takes CPU time: a server uses `tower.beats.pool` instead. Raises MediaUnreadableError if the file holds no sound
    that can be decoded, or more than four hours of it.
    """
    with reading(source, name=name) as (sound, pieces):
        return heard(onsets(pieces), sound, hint or TempoHint())


def heard(curves: Onsets, sound: Sound, hint: TempoHint) -> Analysis:
    """Analyse the onsets of a sound that was read to its end."""
    why_not = confidence.deaf(curves)
    if why_not:
        return _without_beats(sound, why_not)
    beats = tracked(curves, sound.duration_s, hint)
    if not beats.parts:
        return _without_beats(sound, "Fewer than two beats were found")
    found = confidence.signs(beats.curve, beats.times_s, beats.parts, beats.tempos, beats.count)
    why_not = confidence.pulseless(found, len(beats.times_s))
    if why_not:
        return _without_beats(sound, why_not)
    return Analysis(
        bpm=round(beats.bpm, 3),
        confidence=round(confidence.confidence(found), 4),
        beat_times_s=_rounded(beats.times_s),
        downbeat_times_s=_rounded(downbeats.downbeats(beats.times_s, beats.parts, curves)),
        tempo_changes=tuple(_tempo_change(beats, part, found) for part in changes(beats.parts)),
        candidates=beats.candidates(),
        duration_s=sound.duration_s,
        sample_rate=sound.rate_hz,
        beat_strengths=tuple(round(float(strength), 3) for strength in tracking.strengths(beats.curve, beats.times_s)),
    )


def tracked(curves: Onsets, duration_s: float, hint: TempoHint) -> Beats:
    """Track the beats and count them in the likeliest metre."""
    beats = as_found(curves, duration_s, hint)
    if len(beats.times_s) < FEWEST_TO_COUNT or not beats.parts:
        return beats
    ways = _allowed_metres(beats.bpm, hint)
    count = counting.count(beats.times_s, beats.tempos, curves, bpm=beats.bpm, allowed=ways)
    times, parts = beats.times_s, beats.parts
    if count.best != SAME:
        times = placed(beats.curve, curves, duration_s, _retrack(beats, count.best))
        parts = segments(times)
    return replace(beats, times_s=steadied(times, parts).clip(0), parts=parts, count=count)


def as_found(curves: Onsets, duration_s: float, hint: TempoHint) -> Beats:
    """Track the beats at the tempo of the map, without estimating the metre."""
    curve = tracking.evened(curves)
    tempos = tempo.tempo_map(curve, hint)
    times = placed(curve, curves, duration_s, tracking.beat_frames(curve, tempos.periods(len(curve))))
    return Beats(times, segments(times), curve, tempos, None)


def placed(curve: Curve, curves: Onsets, duration_s: float, frames: NDArray[np.intp]) -> Times:
    """The times of the beats, without those in silence, before the first onset or after the last."""
    times = tracking.refined(curve, frames)
    inside = (times > -0.02) & (times <= duration_s)
    times = times[inside & tracking.sounding(times, curves)].clip(0)
    return np.asarray(times[tracking.struck(times, curves)])


def _retrack(beats: Beats, way: Way) -> NDArray[np.intp]:
    """The frames of the beats in another metre, tracked again near the places that this metre predicts."""
    at = np.arange(len(beats.curve))
    wanted = frames_of(way.times(beats.times_s))
    place = np.interp(at, wanted, np.arange(len(wanted)))
    here = np.exp(-0.5 * np.square((place - np.round(place)) / ASIDE))
    return tracking.beat_frames(np.asarray(beats.curve * here, np.float32), beats.tempos.periods(len(at)) * way.beats)


def _allowed_metres(bpm: float, hint: TempoHint) -> tuple[Way, ...]:
    """The metres that the hint allows: those that keep a given tempo, or that stay inside a given range."""
    if hint.bpm is not None:
        return tuple(way for way in WAYS if way.beats == 1)
    return tuple(way for way in WAYS if way.beats == 1 or tempo.listened_for(bpm / way.beats, hint))


def _redistribute(found: tuple[TempoCandidate, ...], bpm: float, count: Count) -> tuple[TempoCandidate, ...]:
    ways = count.ratios()
    weights = {one.bpm: one.weight for one in found}
    octaves = {factor: one for factor in ways for one in weights if abs(one / (bpm * factor) - 1) < 0.01}
    missing = {factor: round(bpm * factor, 2) for factor in ways if factor not in octaves and ways[factor] >= 0.01}
    total = sum(weights[one] for one in octaves.values())
    counted = {one: total * ways[factor] for factor, one in {**missing, **octaves}.items()}
    shared = {
        one: DOUBT * weights.get(one, 0.0) + (1 - DOUBT) * counted.get(one, weights.get(one, 0.0))
        for one in {**weights, **counted}
    }
    ordered = sorted(shared.items(), key=lambda pair: -pair[1])
    return tuple(TempoCandidate(one, round(weight, 4)) for one, weight in ordered if weight >= 0.01)


def _tempo_change(beats: Beats, part: Segment, found: confidence.Signs) -> TempoChange:
    start = round(float(beats.times_s[part.first]), 4)
    return TempoChange(start, round(part.bpm, 3), round(confidence.of_part(part, found), 4))


def _without_beats(sound: Sound, reason: str) -> Analysis:
    return Analysis(
        bpm=None,
        confidence=0.0,
        beat_times_s=(),
        downbeat_times_s=(),
        tempo_changes=(),
        candidates=(),
        duration_s=sound.duration_s,
        sample_rate=sound.rate_hz,
        beat_strengths=(),
        reason=reason,
    )


def _rounded(times_s: Times) -> tuple[float, ...]:
    """To a tenth of a millisecond."""
    return tuple(round(float(time), 4) for time in times_s)
