"""Cuts move to the beats of the lowest cost: near, strong, and at the start of a section."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hypothesis_profiles import example_count
from tests.tower.sync.beat_grids import even, structured_at
from tower.sync.grid import BeatGrid
from tower.sync.planning import plan_scenes
from tower.sync.snapping import SCENE_WEIGHTS, CutPosition, RatioBounds, ShotSequence, StretchError, snap_cuts


@given(
    times=st.lists(st.floats(0.1, 12), min_size=2, max_size=9, unique=True),
    lengths=st.lists(st.floats(0.5, 4), min_size=2, max_size=4),
    strengths=st.lists(st.floats(0, 1), min_size=9, max_size=9),
)
@example_count(300)
def test_the_chosen_cuts_have_the_lowest_cost(times: list[float], lengths: list[float], strengths: list[float]) -> None:
    """Compares them with all possible cuts."""
    positions = [CutPosition(time, number, strengths[number]) for number, time in enumerate(sorted(times))]
    target_times = [sum(lengths[: number + 1]) for number in range(len(lengths) - 1)]
    sequence, bounds = ShotSequence(lengths, target_times, sum(lengths), 0.5), RatioBounds(0.6, 1.6)

    def cost(cuts: tuple[CutPosition, ...]) -> float:
        cut_times_s = [0.0, *(position.at_s for position in cuts), sequence.total_s]
        ratios = [(b - a) / length for (a, b), length in zip(pairwise(cut_times_s), lengths, strict=True)]
        if not all(ratio > 0 and bounds.allows(ratio) for ratio in ratios):
            return math.inf
        stretched = sum((math.log(ratio) / math.log(bounds.max_ratio)) ** 2 for ratio in ratios)
        moved = sum(((position.at_s - target) / 0.5) ** 2 for position, target in zip(cuts, target_times, strict=True))
        return (
            stretched
            + SCENE_WEIGHTS.move * moved
            + SCENE_WEIGHTS.strength * sum(1 - position.strength for position in cuts)
        )

    lowest_cost = min(cost(cuts) for cuts in product(positions, repeat=len(target_times)))
    if lowest_cost == math.inf:
        with pytest.raises(StretchError):
            snap_cuts(sequence, positions, weights=SCENE_WEIGHTS, bounds=bounds)
    else:
        assert cost(tuple(snap_cuts(sequence, positions, weights=SCENE_WEIGHTS, bounds=bounds))) == pytest.approx(
            lowest_cost
        )


def test_scenes_prefer_strong_beats() -> None:
    """The requested cuts are two beats off the bars."""
    strengths = tuple(1.0 if number % 4 == 0 else 0.2 for number in range(121))
    bars = BeatGrid(tuple(number * 0.5 for number in range(121)), strengths, 61.0)
    plan = plan_scenes([7.0, 8.0, 8.0, 7.0], bars, fps=Fraction(24))
    assert [cut.at_s for cut in plan.cuts] in ([0, 6, 14, 22], [0, 8, 16, 24], [0, 8, 16, 22], [0, 6, 14, 24])
    assert all(cut.strength == 1 for cut in plan.cuts)
    assert plan.clip.frames == 720


def test_a_cut_moves_to_a_nearby_section_start_within_the_bounds() -> None:
    beats = even(120, track_s=61)
    target_lengths = [7.0, 8.0, 8.0, 7.0]
    plain = plan_scenes(target_lengths, beats, fps=Fraction(24))
    near = structured_at(15.5)
    with_sections = plan_scenes(target_lengths, beats.turning(near), fps=Fraction(24))
    assert [cut.beat_s for cut in with_sections.cuts][2] == 15.5
    assert [cut.beat_s for cut in plain.cuts][2] != 15.5
    far = plan_scenes(target_lengths, beats.turning(structured_at(25.0)), fps=Fraction(24))
    assert all(0.8 <= shot.ratio <= 1.25 for shot in [*with_sections.shots, *far.shots])
    assert far.clip == with_sections.clip == plain.clip
