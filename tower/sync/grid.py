"""The grid of beats that cuts may take, from the analysis of a track or from a given tempo."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tower.beats.results import Analysis
from tower.beats.structure.results import Structure
from tower.errors import InvalidError

DOWNBEAT_SHARE = 0.5  # of a beat's strength; the rest is how strongly it sounds
MAX_DOWNBEAT_DISTANCE_S = 0.02
SAME_TURN_S = 0.25  # at most between the start of a section and its beat
SECTION_TURN, DROP_TURN = 0.8, 1.0


class GridSource(StrEnum):
    """The origin of the beats: the analysis, or the given bpm, counted from the first beat or from the offset."""

    ANALYSED = "analysed"
    BPM_FROM_FIRST_BEAT = "bpm_from_first_beat"
    BPM_FROM_OFFSET = "bpm_from_offset"  # the analysis has no beat


@dataclass(frozen=True)
class BeatGrid:
    """`times_s`: seconds of the track, ascending. `strengths`: 0–1, of each; a strong downbeat is 1.

    `turns`: how much the music changes, 0–1, by the index of the beat where a section or a drop starts.
    """

    times_s: tuple[float, ...]
    strengths: tuple[float, ...]
    track_duration_s: float
    source: GridSource = GridSource.ANALYSED
    turns: Mapping[int, float] = field(default_factory=dict)

    def turn(self, beat: int) -> float:
        """How much the music changes at this beat, 0–1."""
        return self.turns.get(beat, 0.0)

    def turning(self, structure: Structure | None) -> BeatGrid:
        """The same beats with the turns of this structure; unchanged without a structure."""
        if structure is None or not self.times_s:
            return self
        starts = {section.start_s: SECTION_TURN for section in structure.sections[1:]}
        drops = {drop.time_s: DROP_TURN for drop in structure.drops}
        turns: dict[int, float] = {}
        for time_s, turn in [*starts.items(), *drops.items()]:
            beat = self.nearest_beat(time_s)
            if abs(self.times_s[beat] - time_s) <= SAME_TURN_S:
                turns[beat] = max(turn, turns.get(beat, 0.0))
        return replace(self, turns=turns)

    def nearest_beat(self, time_s: float) -> int:
        """The index of the beat nearest to a time in the track. Raises IndexError without beats."""
        after = bisect_left(self.times_s, time_s)
        near = [number for number in (after - 1, after) if 0 <= number < len(self.times_s)]
        if not near:
            raise IndexError("there are no beats")
        return min(near, key=lambda number: abs(self.times_s[number] - time_s))


def build_grid(
    analysis: Analysis,
    *,
    bpm: float | None = None,
    offset_s: float | None = None,
    structure: Structure | None = None,
) -> BeatGrid:
    """The beats of the analysis; with `bpm` an even grid of that tempo from the first of them, else from the offset.

    `structure` marks the beats where sections start. Raises InvalidError without beats and without a bpm.
    """
    beat_times_s = analysis.beat_times_s
    if bpm is not None:
        source = GridSource.BPM_FROM_FIRST_BEAT if beat_times_s else GridSource.BPM_FROM_OFFSET
        start_s = beat_times_s[0] if beat_times_s else offset_s or 0.0
        even = build_even_grid(bpm, start_s, analysis.duration_s, source)
        return even.turning(structure)
    if not beat_times_s:
        raise InvalidError.field(
            "bpm", None, f"a tempo, because no beats were found in the track: {analysis.reason or 'none stands out'}"
        )
    return BeatGrid(beat_times_s, _strengths(analysis), analysis.duration_s).turning(structure)


def build_even_grid(bpm: float, first_beat_s: float, track_duration_s: float, source: GridSource) -> BeatGrid:
    """An even grid through `first_beat_s` over the whole track. All beats are equally strong."""
    period_s = 60 / bpm
    first_beat_s -= first_beat_s // period_s * period_s
    times = tuple(
        first_beat_s + number * period_s for number in range(int((track_duration_s - first_beat_s) / period_s) + 1)
    )
    return BeatGrid(times, (1.0,) * len(times), track_duration_s, source)


def _strengths(analysis: Analysis) -> tuple[float, ...]:
    down = analysis.downbeat_times_s
    loudest = max(analysis.beat_strengths, default=0.0) or 1.0
    return tuple(
        DOWNBEAT_SHARE * _is_among(time, down) + (1 - DOWNBEAT_SHARE) * strength / loudest
        for time, strength in zip(analysis.beat_times_s, analysis.beat_strengths, strict=True)
    )


def _is_among(time_s: float, times_s: Sequence[float]) -> bool:
    after = bisect_left(times_s, time_s - MAX_DOWNBEAT_DISTANCE_S)
    return after < len(times_s) and times_s[after] <= time_s + MAX_DOWNBEAT_DISTANCE_S
