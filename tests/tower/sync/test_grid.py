"""A grid says where its beats come from; sections mark some of them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.tower.sync.beat_grids import even, structured_at
from tower.beats.results import Analysis
from tower.errors import InvalidError
from tower.sync.grid import GridSource, build_grid
from tower.sync.planning import plan_scenes


def analysis_of(*times: float, down: tuple[float, ...] = ()) -> Analysis:
    return Analysis(120.0 if times else None, 0.9, times, down, (), (), 20.0, 44_100, (0.5,) * len(times))


def test_the_grid_names_the_source_of_its_beats() -> None:
    grid = build_grid(analysis_of(0.4, 0.9, 1.4, down=(0.9,)))
    assert (grid.source, grid.times_s) == (GridSource.ANALYSED, (0.4, 0.9, 1.4))
    assert grid.strengths == (0.5, 1.0, 0.5)
    even_grid = build_grid(analysis_of(0.7, 1.2), bpm=120)
    assert even_grid.source == GridSource.BPM_FROM_FIRST_BEAT
    assert even_grid.times_s[:2] == pytest.approx((0.2, 0.7))
    silent = build_grid(analysis_of(), bpm=60, offset_s=2.5)
    assert (silent.source, silent.times_s[:2]) == (GridSource.BPM_FROM_OFFSET, (0.5, 1.5))
    with pytest.raises(InvalidError, match="no beats were found"):
        build_grid(analysis_of())


def test_without_sections_beats_and_plans_are_unchanged() -> None:
    beats = even(120, track_s=61)
    assert beats.turning(None) is beats
    no_sections = structured_at()
    assert plan_scenes([5.0, 6.0], beats.turning(no_sections), fps=Fraction(24)) == plan_scenes(
        [5.0, 6.0], beats, fps=Fraction(24)
    )
