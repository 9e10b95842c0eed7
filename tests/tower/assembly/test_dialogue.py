"""Subtitles from dialogue: in the shown part, at the speed of the shot, without overlaps."""

from __future__ import annotations

import uuid
from fractions import Fraction
from pathlib import Path
from typing import Any

from tower.assembly.cut import MediaFile, Shot
from tower.assembly.dialogue import ShotPlace, place_lines, without_overlaps

TAKE = MediaFile(Path("/take.mp4"), "a" * 64)


def cues(
    *lines: tuple[str, float | None], first: int = 0, frames: int = 96, speed: Fraction = Fraction(1), start: int = 0
) -> list[tuple[int, int, str]]:
    shot = Shot(uuid.uuid4(), "One", TAKE, first, frames, speed)
    dialogue: list[dict[str, Any]] = [{"character": "Kai", "line": line, "timestamp": time} for line, time in lines]
    placed = without_overlaps(place_lines(ShotPlace(shot, start, 24.0), dialogue, language="eng"))
    assert all((cue.speaker, cue.language) == ("Kai", "eng") for cue in placed)
    return [(cue.start_frame, cue.end_frame, cue.text) for cue in placed]


def test_a_line_is_seen_for_as_long_as_it_takes_to_read() -> None:
    assert cues(("Yes.", 1.0), start=10) == [(34, 34 + round(1.2 * 24), "Yes.")]
    assert cues(("x" * 45, 0.5)) == [(12, 12 + 72, "x" * 45)]
    assert cues(("夜" * 15, 0.5)) == [(12, 12 + 60, "夜" * 15)]


def test_a_line_ends_with_its_shot_and_before_the_next_line() -> None:
    assert cues(("First", 1.0), ("Second", 1.5), ("Last", 3.5)) == [
        (24, 36, "First"),
        (36, 36 + 29, "Second"),
        (84, 96, "Last"),
    ]


def test_lines_outside_the_shown_part_are_left_out_and_speed_counts() -> None:
    lines = (("Early", 0.5), ("Here", 2.0), ("Late", 3.9))
    assert cues(*lines, first=24, frames=48, speed=Fraction(1, 2), start=100) == [(148, 148 + 29, "Here")]


def test_lines_without_a_time_share_the_scene_by_their_length() -> None:
    assert [start for start, _, _ in cues(("a" * 30, None), ("b" * 30, None))] == [0, 48]
    assert [start for start, _, _ in cues(("a" * 30, None), ("b" * 30, None), ("c", 2.0))] == [0, 24, 48]


def test_two_lines_at_one_time_stay_together() -> None:
    assert cues(("Run!", 1.0), ("Now!", 1.0), ("Go", 1.5)) == [(24, 36, "Run!"), (24, 36, "Now!"), (36, 65, "Go")]


def test_a_scene_without_dialogue_has_no_cues() -> None:
    assert cues() == []
