"""When the lines of a scene are read: subtitles from its dialogue, in frames of the film."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from tower.assembly.cut import Shot, SubtitleCue

READING_RATE = 15.0  # narrow characters a second
WIDE_CHARACTER = 2.5  # narrow characters that a character of a Chinese, Japanese or Korean script counts as
MIN_CUE_S, MAX_CUE_S = 1.2, 7.0


@dataclass(frozen=True)
class ShotPlace:
    """A shot, its first frame in the film, and the frames per second of the film."""

    shot: Shot
    start_frame: int
    fps: float


def place_lines(place: ShotPlace, dialogue: Sequence[Mapping[str, Any]], *, language: str) -> Iterator[SubtitleCue]:
    """Yield a cue for each line that begins in the shown part of the scene.

    Lines without a time share the time between their neighbours, or to the end of the take, by their length.
    """
    shot, fps = place.shot, place.fps
    first_s, end_s = shot.first_frame / fps, (shot.first_frame + shot.source_frames) / fps
    last_frame = place.start_frame + shot.frames
    for line, time_s in zip(dialogue, _times(dialogue, end_s), strict=True):
        if not first_s <= time_s < end_s:
            continue
        start = place.start_frame + round((time_s - first_s) * fps / float(shot.speed))
        if start >= last_frame:
            continue
        end = min(last_frame, start + max(1, round(_reading_s(line["line"]) * fps)))
        yield SubtitleCue(start, end, line["line"], speaker=line.get("character"), language=language)


def without_overlaps(cues: Iterable[SubtitleCue]) -> tuple[SubtitleCue, ...]:
    """Return the cues in order, each ending where the next one begins, if not before. Equal starts stay together."""
    ordered = sorted(cues, key=lambda cue: cue.start_frame)
    starts = sorted({cue.start_frame for cue in ordered})
    following = dict(pairwise(starts))
    return tuple(
        replace(cue, end_frame=min(cue.end_frame, following.get(cue.start_frame, cue.end_frame))) for cue in ordered
    )


def _times(dialogue: Sequence[Mapping[str, Any]], end_s: float) -> list[float]:
    """Return the time of each line in seconds of the scene."""
    times = [line.get("timestamp") for line in dialogue]
    weights = [_reading_s(line["line"]) for line in dialogue]
    known = sorted({0, *(number for number, time in enumerate(times) if time is not None), len(times)})
    placed: list[float] = []
    for first, after in pairwise(known):
        start_s = float(times[first] or 0.0)
        until_s = float(times[after] or 0.0) if after < len(times) else end_s
        share = max(0.0, until_s - start_s) / (sum(weights[first:after]) or 1.0)
        placed += [start_s + share * sum(weights[first:number]) for number in range(first, after)]
    return placed


def _reading_s(line: str) -> float:
    width = sum(WIDE_CHARACTER if unicodedata.east_asian_width(letter) in "WF" else 1.0 for letter in line)
    return min(MAX_CUE_S, max(MIN_CUE_S, width / READING_RATE))
