"""Tempos and changes of beats that slip, stop, step or speed up."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tower.beats.segments import TempoSegment, find_segments
from tower.beats.stretches import find_stretches, main_stretch

Times = NDArray[np.float64]


def beats_at(*parts: tuple[float, int]) -> Times:
    """Beats at each tempo in BPM, as many as said."""
    return 0.3 + np.concatenate([[0.0], np.cumsum([60 / bpm for bpm, count in parts for _ in range(count)])])


def played(times_s: Times, seed: int = 1) -> Times:
    return times_s + np.random.default_rng(seed).normal(0, 0.004, len(times_s))


def stretches_of(times_s: Times) -> tuple[TempoSegment, ...]:
    return find_stretches(times_s, find_segments(times_s))


def assert_tempos_match_intervals(times_s: Times, stretches: tuple[TempoSegment, ...]) -> None:
    for part in stretches:
        median_s = np.median(np.diff(times_s[part.first : part.last + 1]))
        assert part.bpm == pytest.approx(60 / median_s, rel=0.015)


@pytest.mark.parametrize(
    "slip", [(154.0 * 1.1, 5), (154.0 / 1.1, 5), (161.0, 26), (147.0, 24), (154.0 * 2, 1), (154.0 / 1.5, 1)]
)
def test_a_slip_of_the_count_is_no_change_of_tempo(slip: tuple[float, int]) -> None:
    times_s = played(beats_at((154, 90), slip, (154, 90)))
    stretches = stretches_of(times_s)
    assert len(stretches) == 1
    assert main_stretch(stretches).bpm == pytest.approx(154, rel=0.004)
    assert_tempos_match_intervals(times_s, stretches)


def test_the_tempo_of_most_beats_outweighs_a_short_even_stretch() -> None:
    rough = beats_at((150, 80), (165, 4), (150, 75))
    times_s = np.concatenate([played(beats_at((155.5, 26))), 12 + rough])
    stretches = stretches_of(times_s)
    assert main_stretch(stretches).bpm == pytest.approx(150, rel=0.004)
    assert_tempos_match_intervals(times_s, stretches)


@pytest.mark.parametrize("tempos", [(120, 128), (154, 157), (100, 140), (96, 91)])
def test_a_second_half_at_another_tempo_is_a_change(tempos: tuple[float, float]) -> None:
    times_s = played(beats_at((tempos[0], 60), (tempos[1], 60)))
    stretches = stretches_of(times_s)
    assert [part.bpm for part in stretches] == pytest.approx(list(tempos), rel=0.006)
    assert_tempos_match_intervals(times_s, stretches)


@pytest.mark.parametrize("seconds_each", [1, 2, 4])
def test_an_ending_that_speeds_up_has_other_tempos_than_what_comes_before(seconds_each: int) -> None:
    ending = [(120 * 1.04**step, round(seconds_each * 2 * 1.04**step)) for step in range(1, 18)]
    times_s = played(beats_at((120, 80), *ending))
    stretches = stretches_of(times_s)
    assert stretches[0].bpm == pytest.approx(120, rel=0.02)
    assert stretches[-1].bpm > 145
    assert_tempos_match_intervals(times_s, stretches)


@pytest.mark.parametrize("seed", range(8))
def test_every_tempo_is_that_of_the_median_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [(float(rng.uniform(60, 200)), int(rng.integers(4, 70))) for _ in range(6)]
    gaps = np.diff(beats_at(*parts)) * rng.choice(
        [1, 1, 1, 1, 1, 1, 1, 1, 0.5, 1.5, 4], sum(count for _, count in parts)
    )
    times_s = played(0.3 + np.concatenate([[0.0], np.cumsum(gaps)]), seed)
    stretches = stretches_of(np.sort(times_s))
    assert_tempos_match_intervals(np.sort(times_s), stretches)
    assert main_stretch(stretches) in stretches
