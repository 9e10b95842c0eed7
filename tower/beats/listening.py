"""The whole way from a file to its beats."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tower.beats import confidence, counting, downbeats, tempo, tracking
from tower.beats.analysis import Analysis, TempoCandidate, TempoChange, TempoHint
from tower.beats.counting import Count, Way
from tower.beats.onsets import Curve, Onsets, onsets
from tower.beats.segments import Segment, changes, main_tempo, segments, steadied
from tower.beats.sound import Sound, ahead, reading
from tower.beats.tempo import TempoMap

FACTOR = {Way.SAME: 1.0, Way.BETWEEN: 1.0, Way.HALF: 0.5, Way.DOUBLE: 2.0}
FEWEST_TO_COUNT = 8

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
        """The tempogram's, with what it gives to an octave shared out as the drums say."""
        found = self.tempos.candidates(self.bpm)
        if self.count is None:
            return found
        return _shared(found, self.bpm, self.count)


def listen(source: Path | IO[bytes], hint: TempoHint, *, name: str | None = None) -> Analysis:
    """As `tower.beats.analysis.analyse`. `name`: what errors call a file that has lost its own."""
    with reading(source, name=name) as (sound, pieces), closing(ahead(pieces)) as read:
        return heard(onsets(read), sound, hint)


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
    curve = tracking.evened(curves)
    tempos = tempo.tempo_map(curve, hint)
    periods = tempos.periods(len(curve))
    frames = tracking.beat_frames(curve, periods)
    times = placed(curve, curves, duration_s, frames)
    parts = segments(times)
    if len(times) < FEWEST_TO_COUNT or not parts:
        return Beats(times, parts, curve, tempos, None)
    bpm = main_tempo(parts).bpm
    count = counting.count(times, bpm, tempos.octaves(bpm), curves, allowed=_allowed(bpm, hint))
    if count.best != Way.SAME:
        times = placed(curve, curves, duration_s, counted(curve, periods, frames, count.best))
        parts = segments(times)
    return Beats(steadied(times, parts).clip(0), parts, curve, tempos, count)


def counted(curve: Curve, periods: Times, frames: NDArray[np.intp], way: Way) -> NDArray[np.intp]:
    """The frames of the beats when they are counted another way."""
    if way == Way.BETWEEN:
        return tracking.between(frames)
    return frames if way == Way.SAME else tracking.beat_frames(curve, periods / FACTOR[way])


def placed(curve: Curve, curves: Onsets, duration_s: float, frames: NDArray[np.intp]) -> Times:
    """The times of beats, without those in silence."""
    times = tracking.refined(curve, frames)
    inside = (times > -0.02) & (times <= duration_s)
    return np.asarray(times[inside & tracking.sounding(times, curves)].clip(0))


def _allowed(bpm: float, hint: TempoHint) -> set[Way]:
    """A tempo that the user named is not argued with; a range rules out what lies outside."""
    if hint.bpm is not None:
        return {Way.SAME, Way.BETWEEN}
    return {way for way, factor in FACTOR.items() if way == Way.SAME or tempo.listened_for(bpm * factor, hint)}


def _shared(found: tuple[TempoCandidate, ...], bpm: float, count: Count) -> tuple[TempoCandidate, ...]:
    ways = _around(count)
    weights = {one.bpm: one.weight for one in found}
    octaves = {factor: one for factor in ways for one in weights if abs(one / (bpm * factor) - 1) < 0.01}
    missing = {factor: round(bpm * factor, 2) for factor in ways if factor not in octaves and ways[factor] >= 0.01}
    total = sum(weights[one] for one in octaves.values())
    shared = {**weights, **{one: total * ways[factor] for factor, one in {**missing, **octaves}.items()}}
    ordered = sorted(shared.items(), key=lambda pair: -pair[1])
    return tuple(TempoCandidate(one, round(weight, 4)) for one, weight in ordered if weight >= 0.01)


def _around(count: Count) -> dict[float, float]:
    """How likely half, this and double of the tempo that was chosen are."""
    chosen = FACTOR[count.best]
    ways: dict[float, float] = {}
    for way, likely in count.likely.items():
        ways[FACTOR[way] / chosen] = ways.get(FACTOR[way] / chosen, 0.0) + likely
    return ways


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
