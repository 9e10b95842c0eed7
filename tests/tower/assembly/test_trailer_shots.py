"""The shots of a trailer: the best ones, in story order, on beats, without the end of the story."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import pytest

from tower.assembly.trailer_shots import Pace, Scene, Window, choose_shots

FPS = 24
PACE = Pace(Fraction(FPS))
START, END = 2 * FPS, 28 * FPS


def starts(shots: list[Window], start: int = START) -> list[int]:
    return list(accumulate((shot.frames for shot in shots), initial=start))


def test_the_best_scenes_are_shown_in_story_order_and_fill_the_time() -> None:
    scenes = [Scene(5 * FPS, float(number % 10)) for number in range(40)]
    shots = choose_shots(scenes, PACE, start=START, end=END)
    assert [shot.scene for shot in shots] == sorted(shot.scene for shot in shots)
    assert {shot.scene % 10 for shot in shots} == {9, 8, 7, 6, 5}
    assert max(shot.scene for shot in shots) < 30
    assert starts(shots)[-1] == END
    assert all(FPS <= shot.frames <= 3 * FPS for shot in shots)
    assert all(shot.first_frame >= 0 and shot.first_frame + shot.frames <= 5 * FPS for shot in shots)


def test_nothing_of_the_last_quarter_is_shown_but_where_there_is_too_little() -> None:
    long = [Scene(60 * FPS, 5.0)]
    assert all(shot.first_frame + shot.frames <= 45 * FPS for shot in choose_shots(long, PACE, start=START, end=END))
    few = [Scene(3 * FPS, score) for score in (1.0, 2.0, 9.0)]
    assert [shot.scene for shot in choose_shots(few, PACE, start=START, end=START + 6 * FPS)] == [0, 1]
    assert [shot.scene for shot in choose_shots(few, PACE, start=START, end=END)] == [0, 1, 2]


def test_a_scene_gives_a_second_shot_only_after_each_scene_gave_one() -> None:
    scenes = [Scene(12 * FPS, score) for score in (9.0, None, 3.0, 8.0)]
    shots = choose_shots(scenes, PACE, start=START, end=START + 8 * FPS)
    assert [shot.scene for shot in shots].count(0) == 2
    assert {shot.scene for shot in shots} == {0, 1, 2}


def test_shots_change_on_beats() -> None:
    beats = [round(number * FPS * 60 / 97) for number in range(100)]
    scenes = [Scene(5 * FPS, 5.0)] * 40
    shots = choose_shots(scenes, Pace(Fraction(FPS), beats), start=beats[3], end=END)
    assert set(starts(shots, beats[3])) <= set(beats)
    assert END - starts(shots, beats[3])[-1] < FPS
    assert all(FPS <= shot.frames <= 3 * FPS for shot in shots)


@pytest.mark.parametrize("frames", [0, 10, 23])
def test_a_scene_shorter_than_a_shot_is_skipped(frames: int) -> None:
    shots = choose_shots([Scene(frames, 10.0), Scene(40, None)], PACE, start=START, end=END)
    assert shots == [Window(1, 0, 40)]
    assert choose_shots([Scene(frames, 10.0)], PACE, start=START, end=END) == []


def test_a_cut_is_on_the_nearest_beat_within_its_bounds() -> None:
    pace = Pace(Fraction(24), (10, 20, 30))
    assert [pace.end_near(wanted, least=12, most=30) for wanted in (0, 24, 26, 99)] == [20, 20, 30, 30]
    assert [pace.end_near(wanted, least=31, most=40) for wanted in (0, 35, 99)] == [31, 35, 40]
