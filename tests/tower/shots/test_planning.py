"""The segments planned for a request."""

from __future__ import annotations

import pytest

from tower.jobs.spec import GenerationSpec
from tower.rendering.engine_choice import EngineVersion
from tower.shots.cast import Cast
from tower.shots.planning import Script, plan_seconds, plan_shot
from tower.shots.prompts import EnhancedPrompt

ENGINE = EngineVersion("nothing", "1")


def script(**fields: object) -> Script:
    spec = GenerationSpec.model_validate({"prompt": "neon city", "width": 512, "height": 512, **fields})
    words = EnhancedPrompt("neon city, anime", "blurry", "rules")
    return Script(spec, Cast(), words, seed=7, model="counterfeit_v3.safetensors", preset=spec.preset)


@pytest.mark.parametrize(("duration_s", "fps", "frames"), [(3, 24, 72), (1, 24, 24), (10, 30, 300), (2.5, 24, 60)])
def test_a_standard_shot_is_one_segment_with_the_exact_frame_count(duration_s: float, fps: int, frames: int) -> None:
    [plan] = plan_shot(script(duration_s=duration_s, fps=fps), ENGINE)
    assert (plan.number, plan.shot.frames, plan.shot.fps) == (1, frames, fps)


@pytest.mark.parametrize(("quality", "steps", "cfg", "side"), [("high", 40, 8.5, 1024), ("fast_preview", 20, 7.0, 768)])
def test_the_preset_gives_the_values_that_the_request_leaves_open(
    quality: str, steps: int, cfg: float, side: int
) -> None:
    [plan] = plan_shot(script(quality=quality, width=None, height=None), ENGINE)
    assert (plan.shot.steps, plan.shot.cfg, plan.shot.width, plan.shot.height) == (steps, cfg, side, side)


def test_a_fast_shot_has_one_segment_per_second_overlapping_by_four_frames() -> None:
    plans = plan_seconds(script(duration_s=3), ENGINE)
    assert [plan.number for plan in plans] == [1, 2, 3]
    assert [(plan.shot.start_frame, plan.shot.frames) for plan in plans] == [(0, 28), (24, 28), (48, 24)]
    assert {plan.shot.whole_frames for plan in plans} == {72}
    assert {(plan.shot.seed, plan.shot.style) for plan in plans} == {(7, "anime")}


def test_each_segment_has_its_own_fingerprint_and_equal_requests_have_equal_ones() -> None:
    prints = [plan.fingerprint for plan in plan_seconds(script(duration_s=3), ENGINE)]
    assert len(set(prints)) == 3
    assert prints == [plan.fingerprint for plan in plan_seconds(script(duration_s=3), ENGINE)]


def test_forced_shots_do_not_reuse_takes() -> None:
    assert [plan.reuse for plan in plan_shot(script(force=True), ENGINE)] == [False]
    assert [plan.reuse for plan in plan_shot(script(), ENGINE)] == [True]
