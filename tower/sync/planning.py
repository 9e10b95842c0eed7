"""Plans the cuts: puts every sync point on a beat and keeps the length of the video."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from statistics import median

from db.models.music import FrameTiming
from tower.errors import InvalidError
from tower.sync.grid import BeatGrid
from tower.sync.plan import Cut, CutPlan, SourceClip, SyncPoint
from tower.sync.snapping import (
    EVENT_WEIGHTS,
    SCENE_WEIGHTS,
    CostWeights,
    CutPosition,
    RatioBounds,
    ShotSequence,
    snap_cuts,
)

MAX_UNNOTICED_MS = 40.0  # a start that is further from a beat causes a warning
DEFAULT_PERIOD_S = 0.5  # the length of a beat if the track has only one


def plan_cuts(
    clip: SourceClip,
    points: Sequence[SyncPoint],
    beats: BeatGrid,
    *,
    timing: FrameTiming,
    offset_s: float | None = None,
    weights: CostWeights = EVENT_WEIGHTS,
    bounds: RatioBounds | None = None,
) -> CutPlan:
    """Put every point on a beat and keep the length of the video.

    Without `offset_s` the video starts on the first beat. A point at the first or the last frame cannot be moved, so
    its error is its distance from the nearest beat. Raises StretchError if a shot cannot end on a beat within the
    bounds, InvalidError for a point outside the video or an offset outside the track.
    """
    offset_s = _resolve_offset(offset_s, beats)
    marks = _by_frame(points, clip)
    inner = [point for frame, point in sorted(marks.items()) if 0 < frame < clip.frames]
    spots = snap_cuts(
        _course(clip, inner, beats),
        _spots(clip, beats, timing, offset_s),
        weights=weights,
        bounds=bounds or RatioBounds(),
    )
    planner = _Planner(clip, timing, offset_s, beats)
    return planner.plan(marks, inner, spots)


def plan_without_moving(
    clip: SourceClip,
    points: Sequence[SyncPoint],
    beats: BeatGrid,
    *,
    timing: FrameTiming,
    offset_s: float | None = None,
) -> CutPlan:
    """Plan without moving any point. The error of each is its distance from the nearest beat.

    Raises InvalidError for a point outside the video or an offset outside the track.
    """
    planner = _Planner(clip, timing, _resolve_offset(offset_s, beats), beats)
    marks = _by_frame(points, clip)
    inner = [point for frame, point in sorted(marks.items()) if 0 < frame < clip.frames]
    return planner.plan(marks, inner, [planner.spot_at(point) for point in inner])


def plan_scenes(
    lengths_s: Sequence[float],
    beats: BeatGrid,
    *,
    fps: Fraction,
    offset_s: float | None = None,
    bounds: RatioBounds | None = None,
) -> CutPlan:
    """Cut scenes of the desired lengths on beats, preferably strong ones, each a whole number of frames long.

    The total length stays exact to the frame. Raises what `plan_cuts` raises, and InvalidError for a scene shorter than
    a frame.
    """
    ends = [round(sum(lengths_s[: number + 1]) * fps) for number in range(len(lengths_s))]
    for number, (before, end) in enumerate(pairwise([0, *ends])):
        if end <= before:
            raise InvalidError.field(f"lengths_s.{number}", lengths_s[number], "at least one frame")
    points = [SyncPoint(frame, f"scene {number}") for number, frame in enumerate([0, *ends[:-1]], start=1)]
    clip = SourceClip(ends[-1], fps)
    return plan_cuts(
        clip, points, beats, timing=FrameTiming.CONSTANT, offset_s=offset_s, weights=SCENE_WEIGHTS, bounds=bounds
    )


def points_from_pairs(
    time_frame_pairs: Sequence[tuple[float, int]], clip: SourceClip, beats: BeatGrid
) -> tuple[list[SyncPoint], float | None]:
    """Sync points from pairs of a time in the track, in seconds, and a frame.

    The second value is the time in the track at which the video starts, according to the first pair. A first pair at
    frame 0 starts on the beat nearest to its time. Raises InvalidError if the times do not rise with the frames, or if
    the video would start before the music.
    """
    ordered = sorted(time_frame_pairs, key=lambda pair: pair[1])
    for (before, _), (after, _) in pairwise(ordered):
        if after <= before:
            raise InvalidError.field("sync_points", after, "times of the track that rise with the frames")
    if not ordered:
        return [], None
    first_s, first_frame = ordered[0]
    offset_s = (
        beats.times_s[beats.nearest_beat(first_s)] if not first_frame else first_s - float(first_frame / clip.fps)
    )
    if offset_s < 0:
        expected = f"at least {float(first_frame / clip.fps):.3f} s: the music cannot begin after the video"
        raise InvalidError.field("sync_points.0.audio_time", first_s, expected)
    return [SyncPoint(frame, target_s=time - offset_s) for time, frame in ordered], offset_s


@dataclass(frozen=True)
class _Planner:
    clip: SourceClip
    timing: FrameTiming
    offset_s: float
    beats: BeatGrid

    def plan(self, marks: dict[int, SyncPoint], inner: Sequence[SyncPoint], spots: Sequence[CutPosition]) -> CutPlan:
        frames = [0, *(point.frame for point in inner), self.clip.frames]
        times = [0.0, *(spot.at_s for spot in spots), self.clip.duration_s]
        own = [float(frame / self.clip.fps) for frame in frames]
        ratios = [(b - a) / (d - c) for (a, b), (c, d) in zip(pairwise(times), pairwise(own), strict=True)]
        cut_beats = [self._nearest(0.0) if 0 in marks else None, *(spot.beat for spot in spots)]
        cuts = tuple(
            self._cut(marks.get(frame), frame, at_s, beat=beat, ratio=ratio)
            for frame, at_s, beat, ratio in zip(frames[:-1], times[:-1], cut_beats, ratios, strict=True)
        )
        return CutPlan(self.clip, self.timing, self.offset_s, cuts, self._end_cut(marks), self._warnings(cuts))

    def spot_at(self, point: SyncPoint) -> CutPosition:
        at_s = float(point.frame / self.clip.fps)
        beat = self._nearest(at_s)
        return CutPosition(at_s, beat, self.beats.strengths[beat])

    def _cut(self, point: SyncPoint | None, frame: int, at_s: float, *, beat: int | None, ratio: float) -> Cut:
        beat_s = None if beat is None else self.beats.times_s[beat]
        return Cut(
            event=point.event if point else None,
            frame=frame,
            time_s=float(frame / self.clip.fps),
            at_frame=round(at_s * self.clip.fps) if self.timing == FrameTiming.CONSTANT else frame,
            at_s=at_s,
            beat=beat,
            beat_s=beat_s,
            strength=None if beat is None else self.beats.strengths[beat],
            error_ms=None if beat_s is None else abs(at_s - (beat_s - self.offset_s)) * 1000,
            ratio=ratio,
        )

    def _end_cut(self, marks: dict[int, SyncPoint]) -> Cut | None:
        frames, end_s = self.clip.frames, self.clip.duration_s
        if frames not in marks:
            return None
        return self._cut(marks[frames], frames, end_s, beat=self._nearest(end_s), ratio=1.0)

    def _nearest(self, at_s: float) -> int:
        return self.beats.nearest_beat(self.offset_s + at_s)

    def _warnings(self, cuts: Sequence[Cut]) -> tuple[str, ...]:
        warnings = []
        missing_s = self.offset_s + self.clip.duration_s - self.beats.track_duration_s
        if missing_s > 0.05:
            warnings.append(f"The music ends {missing_s:.1f} s before the video: the rest is silent")
        beat_s, error_ms = cuts[0].beat_s, cuts[0].error_ms
        if beat_s is not None and error_ms is not None and error_ms > MAX_UNNOTICED_MS:
            warnings.append(
                f"The video begins {error_ms:.0f} ms off the beat; with offset {beat_s:.3f} it would be on it"
            )
        return tuple(warnings)


def _resolve_offset(offset_s: float | None, beats: BeatGrid) -> float:
    if offset_s is None:
        return max(beats.times_s[0], 0.0)
    if not 0 <= offset_s < beats.track_duration_s:
        raise InvalidError.field("offset", offset_s, f"a time of the track, which lasts {beats.track_duration_s:.2f} s")
    return offset_s


def _by_frame(points: Sequence[SyncPoint], clip: SourceClip) -> dict[int, SyncPoint]:
    """The points by frame. Of two points at one frame the first counts, with both events."""
    marks: dict[int, SyncPoint] = {}
    for number, point in enumerate(points):
        if not 0 <= point.frame <= clip.frames:
            expected = f"a moment of the video, which has {clip.frames} frames ({clip.duration_s:.2f} s)"
            raise InvalidError.field(f"sync_points.{number}", float(point.frame / clip.fps), expected)
        earlier = marks.get(point.frame)
        if earlier is None:
            marks[point.frame] = point
        else:
            events = ", ".join(filter(None, [earlier.event, point.event]))
            marks[point.frame] = SyncPoint(point.frame, events or None, earlier.target_s)
    return marks


def _course(clip: SourceClip, inner: Sequence[SyncPoint], beats: BeatGrid) -> ShotSequence:
    frames = [0, *(point.frame for point in inner), clip.frames]
    return ShotSequence(
        lengths_s=[float((after - before) / clip.fps) for before, after in pairwise(frames)],
        targets_s=[float(p.frame / clip.fps) if p.target_s is None else p.target_s for p in inner],
        total_s=clip.duration_s,
        period_s=median([b - a for a, b in pairwise(beats.times_s)] or [DEFAULT_PERIOD_S]),
    )


def _spots(clip: SourceClip, beats: BeatGrid, timing: FrameTiming, offset_s: float) -> list[CutPosition]:
    """Where cuts may be. At a constant rate on the frame next to the beat; of two beats at one frame the nearer."""
    inside = (
        CutPosition(time - offset_s, beat, strength, beats.turn(beat))
        for beat, (time, strength) in enumerate(zip(beats.times_s, beats.strengths, strict=True))
        if 0 < time - offset_s < clip.duration_s
    )
    if timing == FrameTiming.VARIABLE:
        return list(inside)
    by_frame: dict[int, tuple[float, CutPosition]] = {}
    for exact in inside:
        frame = math.floor(exact.at_s * clip.fps + 0.5)
        spot = replace(exact, at_s=float(frame / clip.fps))
        error = abs(spot.at_s - exact.at_s)
        if 0 < frame < clip.frames and (frame not in by_frame or error < by_frame[frame][0]):
            by_frame[frame] = (error, spot)
    return [spot for _, spot in by_frame.values()]
