"""The whole way from a file to its beats."""

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
DOUBT = 0.2  # how much the tempogram still says about the candidates when the way to count is known
ASIDE = 0.08  # beats: how far from where another way has it a beat may lie

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Beats:
    """What was tracked. `curve`: the onsets as they were evened; `count`: null where there were too few to ask."""

    times_s: Times
    parts: tuple[Segment, ...]
    curve: Curve
    tempos: TempoMap
    count: Count | None

    @property
    def bpm(self) -> float:
        return main_tempo(self.parts).bpm

    def candidates(self) -> tuple[TempoCandidate, ...]:
        """The tempogram's, with what it gives to these tempos shared out as the counting says."""
        found = self.tempos.candidates(self.bpm)
        if self.count is None:
            return found
        return _shared(found, self.bpm, self.count)


def analyse(source: Path | IO[bytes], hint: TempoHint | None = None, *, name: str | None = None) -> Analysis:
    """The tempo and the beats of the first sound track of a local file. `name` is what errors call the file.

    It takes CPU time: a service asks `tower.beats.pool` instead. Raises MediaUnreadableError if the file holds no sound
    that can be decoded, or hours of it.
    """
    with reading(source, name=name) as (sound, pieces):
        return heard(onsets(pieces), sound, hint or TempoHint())


def heard(curves: Onsets, sound: Sound, hint: TempoHint) -> Analysis:
    """What is in these curves of a sound that was read to its end."""
    why_not = confidence.deaf(curves)
    if why_not:
        return _nothing(sound, why_not)
    beats = tracked(curves, sound.duration_s, hint)
    if not beats.parts:
        return _nothing(sound, "Fewer than two beats were heard")
    found = confidence.signs(beats.curve, beats.times_s, beats.parts, beats.tempos, beats.count)
    why_not = confidence.pulseless(found, len(beats.times_s))
    if why_not:
        return _nothing(sound, why_not)
    return Analysis(
        bpm=round(beats.bpm, 3),
        confidence=round(confidence.confidence(found), 4),
        beat_times_s=_rounded(beats.times_s),
        downbeat_times_s=_rounded(downbeats.downbeats(beats.times_s, beats.parts, curves)),
        tempo_changes=tuple(_change(beats, part, found) for part in changes(beats.parts)),
        candidates=beats.candidates(),
        duration_s=sound.duration_s,
        sample_rate=sound.rate_hz,
        beat_strengths=tuple(round(float(one), 3) for one in tracking.strengths(beats.curve, beats.times_s)),
    )


def tracked(curves: Onsets, duration_s: float, hint: TempoHint) -> Beats:
    """The beats, counted the way that is likeliest."""
    beats = as_found(curves, duration_s, hint)
    if len(beats.times_s) < FEWEST_TO_COUNT or not beats.parts:
        return beats
    ways = _allowed(beats.bpm, hint)
    count = counting.count(beats.times_s, beats.tempos, curves, bpm=beats.bpm, allowed=ways)
    times, parts = beats.times_s, beats.parts
    if count.best != SAME:
        times = placed(beats.curve, curves, duration_s, _counted(beats, count.best))
        parts = segments(times)
    return replace(beats, times_s=steadied(times, parts).clip(0), parts=parts, count=count)


def as_found(curves: Onsets, duration_s: float, hint: TempoHint) -> Beats:
    """The beats at the tempo of the map, before anything asks how to count them."""
    curve = tracking.evened(curves)
    tempos = tempo.tempo_map(curve, hint)
    times = placed(curve, curves, duration_s, tracking.beat_frames(curve, tempos.periods(len(curve))))
    return Beats(times, segments(times), curve, tempos, None)


def placed(curve: Curve, curves: Onsets, duration_s: float, frames: NDArray[np.intp]) -> Times:
    """The times of beats, without those in silence, before the first onset and after the last."""
    times = tracking.refined(curve, frames)
    inside = (times > -0.02) & (times <= duration_s)
    times = times[inside & tracking.sounding(times, curves)].clip(0)
    return np.asarray(times[tracking.struck(times, curves)])


def _counted(beats: Beats, way: Way) -> NDArray[np.intp]:
    """The frames of the beats when they are counted another way: tracked anew, near where that way has them."""
    at = np.arange(len(beats.curve))
    wanted = frames_of(way.times(beats.times_s))
    place = np.interp(at, wanted, np.arange(len(wanted)))
    here = np.exp(-0.5 * np.square((place - np.round(place)) / ASIDE))
    return tracking.beat_frames(np.asarray(beats.curve * here, np.float32), beats.tempos.periods(len(at)) * way.beats)


def _allowed(bpm: float, hint: TempoHint) -> tuple[Way, ...]:
    """A tempo that the user named is not argued with; a range rules out what lies outside."""
    if hint.bpm is not None:
        return tuple(way for way in WAYS if way.beats == 1)
    return tuple(way for way in WAYS if way.beats == 1 or tempo.listened_for(bpm / way.beats, hint))


def _shared(found: tuple[TempoCandidate, ...], bpm: float, count: Count) -> tuple[TempoCandidate, ...]:
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


def _change(beats: Beats, part: Segment, found: confidence.Signs) -> TempoChange:
    start = round(float(beats.times_s[part.first]), 4)
    return TempoChange(start, round(part.bpm, 3), round(confidence.of_part(part, found), 4))


def _nothing(sound: Sound, reason: str) -> Analysis:
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
