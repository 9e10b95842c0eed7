"""Analyses a file: its tempo, beats and downbeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tower.beats import confidence, counting, downbeats, tempo, tracking
from tower.beats.counting import AS_TRACKED, HYPOTHESES, MetreHypothesis, MetrePosterior
from tower.beats.onsets import Curve, Onsets, compute_onsets, times_to_frames
from tower.beats.results import Analysis, TempoCandidate, TempoChange, TempoHint
from tower.beats.segments import TempoSegment, find_segments, smooth_beats
from tower.beats.sound import SoundStream, open_sound
from tower.beats.stretches import find_stretches, main_stretch
from tower.beats.tempo import TempoMap

MIN_BEATS_FOR_METRE = 8
TEMPOGRAM_SHARE = 0.2  # weight of the tempogram for the candidates, next to the metre's
BEAT_SPREAD = 0.08  # in beats: standard deviation of a beat around its place in another metre

Times = NDArray[np.float64]


@dataclass(frozen=True)
class TrackedBeats:
    """The tracked beats. `curve`: the normalised onsets. `metre`: None if there are too few beats to estimate it."""

    times_s: Times
    segments: tuple[TempoSegment, ...]
    curve: Curve
    tempo_map: TempoMap
    metre: MetrePosterior | None

    @cached_property
    def stretches(self) -> tuple[TempoSegment, ...]:
        return find_stretches(self.times_s, self.segments)

    @property
    def bpm(self) -> float:
        return main_stretch(self.stretches).bpm

    def candidates(self) -> tuple[TempoCandidate, ...]:
        """The candidates of the tempogram, with their weight redistributed by the metre."""
        found = self.tempo_map.candidates(self.bpm)
        if self.metre is None:
            return found
        return _redistribute(found, self.bpm, self.metre)


def analyse(source: Path | IO[bytes], hint: TempoHint | None = None, *, name: str | None = None) -> Analysis:
    """Find the tempo and the beats of the first sound track of a local file. `name` is the file's name in errors.

    It takes CPU time: a server uses `tower.beats.pool` instead. Raises MediaUnreadableError if the file holds no sound
    that can be decoded, or more than four hours of it.
    """
    with open_sound(source, name=name) as (sound, pieces):
        return analyse_onsets(compute_onsets(pieces), sound, hint or TempoHint())


def analyse_onsets(onsets: Onsets, sound: SoundStream, hint: TempoHint) -> Analysis:
    """Analyse the onsets of a sound that was read to its end."""
    why_not = confidence.reason_unanalysable(onsets)
    if why_not:
        return _without_beats(sound, why_not)
    beats = choose_metre(onsets, sound.duration_s, hint)
    if not beats.segments:
        return _without_beats(sound, "Fewer than two beats were found")
    found = confidence.compute_features(beats.curve, beats.times_s, beats.stretches, beats.tempo_map, beats.metre)
    why_not = confidence.reason_no_pulse(found, beats.tempo_map, len(beats.times_s))
    if why_not:
        return _without_beats(sound, why_not)
    return Analysis(
        bpm=round(beats.bpm, 3),
        confidence=round(confidence.estimate_confidence(found), 4),
        beat_times_s=_rounded(beats.times_s),
        downbeat_times_s=_rounded(downbeats.find_downbeats(beats.times_s, beats.stretches, onsets)),
        tempo_changes=tuple(_tempo_change(beats, part, found) for part in beats.stretches),
        candidates=beats.candidates(),
        duration_s=sound.duration_s,
        sample_rate=sound.rate_hz,
        beat_strengths=tuple(
            round(float(strength), 3) for strength in tracking.beat_strengths(beats.curve, beats.times_s)
        ),
    )


def choose_metre(onsets: Onsets, duration_s: float, hint: TempoHint) -> TrackedBeats:
    """Track the beats and count them in the likeliest metre."""
    beats = track_beats(onsets, duration_s, hint)
    if len(beats.times_s) < MIN_BEATS_FOR_METRE or not beats.segments:
        return beats
    ways = _allowed_metres(beats.bpm, hint)
    count = counting.estimate_metre(beats.times_s, beats.tempo_map, onsets, bpm=beats.bpm, hypotheses=ways)
    times, parts = beats.times_s, beats.segments
    if count.best != AS_TRACKED:
        times = snap_beats(beats.curve, onsets, duration_s, _retrack(beats, count.best))
        parts = find_segments(times)
    return replace(beats, times_s=smooth_beats(times, parts).clip(0), segments=parts, metre=count)


def track_beats(onsets: Onsets, duration_s: float, hint: TempoHint) -> TrackedBeats:
    """Track the beats at the tempo of the map, without estimating the metre."""
    curve = tracking.normalise_onsets(onsets)
    tempos = tempo.estimate_tempo(curve, hint)
    times = snap_beats(curve, onsets, duration_s, tracking.find_beat_frames(curve, tempos.beat_periods(len(curve))))
    return TrackedBeats(times, find_segments(times), curve, tempos, None)


def snap_beats(curve: Curve, onsets: Onsets, duration_s: float, frames: NDArray[np.intp]) -> Times:
    """The times of the beats, without those in silence, before the first onset or after the last."""
    times = tracking.refine_times(curve, frames)
    inside = (times > -0.02) & (times <= duration_s)
    times = times[inside & tracking.not_silent(times, onsets)].clip(0)
    return np.asarray(times[tracking.between_onsets(times, onsets)])


def _retrack(beats: TrackedBeats, way: MetreHypothesis) -> NDArray[np.intp]:
    """The frames of the beats in another metre, tracked again near the places that this metre predicts."""
    at = np.arange(len(beats.curve))
    wanted = times_to_frames(way.beat_times(beats.times_s))
    place = np.interp(at, wanted, np.arange(len(wanted)))
    here = np.exp(-0.5 * np.square((place - np.round(place)) / BEAT_SPREAD))
    return tracking.find_beat_frames(
        np.asarray(beats.curve * here, np.float32), beats.tempo_map.beat_periods(len(at)) * way.beat_ratio
    )


def _allowed_metres(bpm: float, hint: TempoHint) -> tuple[MetreHypothesis, ...]:
    """The metres that the hint allows: those that keep a given tempo, or that stay inside a given range."""
    if hint.bpm is not None:
        return tuple(way for way in HYPOTHESES if way.beat_ratio == 1)
    return tuple(way for way in HYPOTHESES if way.beat_ratio == 1 or tempo.is_in_range(bpm / way.beat_ratio, hint))


def _redistribute(found: tuple[TempoCandidate, ...], bpm: float, count: MetrePosterior) -> tuple[TempoCandidate, ...]:
    ways = count.tempo_probabilities()
    weights = {one.bpm: one.weight for one in found}
    octaves = {factor: one for factor in ways for one in weights if abs(one / (bpm * factor) - 1) < 0.01}
    missing = {factor: round(bpm * factor, 2) for factor in ways if factor not in octaves and ways[factor] >= 0.01}
    total = sum(weights[one] for one in octaves.values())
    counted = {one: total * ways[factor] for factor, one in {**missing, **octaves}.items()}
    shared = {
        one: TEMPOGRAM_SHARE * weights.get(one, 0.0) + (1 - TEMPOGRAM_SHARE) * counted.get(one, weights.get(one, 0.0))
        for one in {**weights, **counted}
    }
    ordered = sorted(shared.items(), key=lambda pair: -pair[1])
    return tuple(TempoCandidate(one, round(weight, 4)) for one, weight in ordered if weight >= 0.01)


def _tempo_change(beats: TrackedBeats, part: TempoSegment, found: confidence.Features) -> TempoChange:
    start = round(float(beats.times_s[part.first]), 4)
    return TempoChange(start, round(part.bpm, 3), round(confidence.segment_confidence(part, found), 4))


def _without_beats(sound: SoundStream, reason: str) -> Analysis:
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
