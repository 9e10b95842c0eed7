"""Adjustments of a shot after a rejection."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality_corpus
from benchmarks.quality_faults import encode
from tower.engines.base import Shot
from tower.quality.adjustments import (
    ADJUSTMENTS,
    NEW_SEED,
    SMOOTHER,
    UNCHANGED,
    Adjustment,
    adjust_shot,
    describe_adjustment,
    find_adjustment,
)
from tower.quality.technical import Expectation, judge
from tower.workflows.builtins import builtin_workflows

DRAWN = Shot("neon city", "blurry", seed=7, width=256, height=256, fps=24, frames=48, steps=40)
SAMPLED = Shot(
    "neon city",
    "",
    seed=7,
    width=256,
    height=256,
    fps=24,
    frames=48,
    steps=40,
    graph=builtin_workflows()["animatediff"].workflow,
)


def overlap(shot: Shot) -> int:
    assert shot.graph is not None
    value: int = shot.graph.graph["6"]["inputs"]["context_overlap"]
    return value


def test_every_metric_has_an_adjustment(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", quality_corpus.textured_pan(np.random.default_rng(1), 256, 48))
    assert {metric.name for metric in judge(clip, Expectation(256, 256, 24, 48)).metrics} == set(ADJUSTMENTS)


@pytest.mark.parametrize(
    ("failed", "change"),
    [
        (["black_share", "black_run"], NEW_SEED),
        (["frozen_run"], NEW_SEED),
        (["flash_share"], Adjustment(steps=1, overlap=1)),
        (["noise_share"], Adjustment(seed=1, steps=1)),
        (["frame_count", "duration"], UNCHANGED),
        (["frame_count", "frozen_run"], NEW_SEED),
        (["flash_share", "noise_share"], Adjustment(seed=1, steps=1, overlap=1)),
        (["never heard of"], NEW_SEED),
        ([], UNCHANGED),
    ],
)
def test_adjustments_of_several_faults_are_combined(failed: list[str], change: Adjustment) -> None:
    assert find_adjustment(failed) == change


def test_an_empty_adjustment_keeps_the_shot() -> None:
    assert adjust_shot(SAMPLED, UNCHANGED) == SAMPLED
    assert describe_adjustment(SAMPLED, SAMPLED) == "the same again"


def test_a_new_seed_differs_each_time_and_is_the_same_for_the_same_shot() -> None:
    adjusted, adjusted_twice = adjust_shot(DRAWN, NEW_SEED), adjust_shot(DRAWN, NEW_SEED + NEW_SEED)
    assert len({DRAWN.seed, adjusted.seed, adjusted_twice.seed}) == 3
    assert adjust_shot(DRAWN, NEW_SEED) == adjusted
    assert describe_adjustment(DRAWN, adjusted) == f"seed {adjusted.seed} instead of 7"


def test_flicker_gets_more_steps_and_a_larger_overlap_with_the_same_seed() -> None:
    adjusted, adjusted_twice = adjust_shot(SAMPLED, SMOOTHER), adjust_shot(SAMPLED, SMOOTHER + SMOOTHER)
    assert [(shot.seed, shot.steps, overlap(shot)) for shot in (adjusted, adjusted_twice)] == [(7, 60, 8), (7, 80, 12)]
    assert describe_adjustment(SAMPLED, adjusted) == "60 steps instead of 40, overlap 8 instead of 4"


def test_a_requested_workflow_is_kept() -> None:
    adjust_shot(SAMPLED, SMOOTHER)
    assert (overlap(SAMPLED), overlap(adjust_shot(SAMPLED, UNCHANGED))) == (4, 4)


def test_an_engine_without_steps_gets_a_new_seed_instead() -> None:
    adjusted = adjust_shot(DRAWN, SMOOTHER)
    assert (adjusted.steps, adjusted.seed != DRAWN.seed) == (DRAWN.steps, True)
    later = [adjust_shot(DRAWN, SMOOTHER + more).seed for more in (SMOOTHER, NEW_SEED)]
    assert not {adjusted.seed, DRAWN.seed} & set(later)
