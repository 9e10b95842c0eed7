"""Each metric is tested with a clip that passes it and a clip that fails it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality_corpus
from benchmarks import quality_faults as bad
from benchmarks.quality_corpus import Kind, Pictures
from benchmarks.quality_faults import DEFAULT_FORMAT, Format, encode, tone
from tower.media.decode import NoMediaFileError
from tower.quality.technical import Assessment, Expectation, Limits, judge
from tower.quality.verdict import Metric

SIZE, FRAMES = 256, 48


def pictures(kind: Kind, *, seed: int = 77, frames: int = FRAMES) -> Pictures:
    return kind(np.random.default_rng(seed), SIZE, frames)


def judge_clip(
    folder: Path, frames: Pictures, form: Format = DEFAULT_FORMAT, *, gain: float | None = None
) -> Assessment:
    sound = None if gain is None else tone(len(frames) / 24, gain)
    clip = encode(folder / "clip.mp4", frames, form, sound=sound)
    return judge(clip, Expectation(SIZE, SIZE, 24, FRAMES))


def metric(verdict: Assessment, name: str) -> Metric:
    return next(metric for metric in verdict.metrics if metric.name == name)


def failed_metrics(verdict: Assessment) -> set[str]:
    return {metric.name for metric in verdict.metrics if metric.passed is False}


@pytest.mark.parametrize("kind", quality_corpus.GOOD, ids=lambda kind: kind.__name__)
def test_a_good_clip_passes(tmp_path: Path, kind: Kind) -> None:
    verdict = judge_clip(tmp_path, pictures(kind))
    assert verdict.passed, verdict.reason
    assert verdict.reason is None
    assert verdict.score >= 5


def test_a_faultless_clip_scores_ten_and_its_assessment_includes_the_probe(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, pictures(quality_corpus.textured_pan))
    assert verdict.score == 10
    assert verdict.probe is not None
    assert verdict.probe.frames == FRAMES
    assert 0 < verdict.seconds < 5


def test_black_frames_are_rejected_and_counted(tmp_path: Path) -> None:
    frames = pictures(quality_corpus.textured_pan)
    frames[20:40] = [np.zeros_like(frames[0])] * 20
    verdict = judge_clip(tmp_path, frames)
    assert {"black_share", "black_run"} <= failed_metrics(verdict)
    assert metric(verdict, "black_share").frames == ((20, 39),)
    assert metric(verdict, "black_run").value == 20
    assert verdict.reason is not None
    assert verdict.reason.startswith("black_share: 20 of 48 frames (frames 20–39) are black; at most 12 allowed.")
    assert verdict.score < 5


def test_a_black_clip_is_reported_as_black_and_not_as_frozen(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.all_black(np.random.default_rng(1), pictures(quality_corpus.night)))
    assert failed_metrics(verdict) == {"black_share", "black_run"}


def test_a_single_colour_is_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.one_colour(np.random.default_rng(1), pictures(quality_corpus.night)))
    assert failed_metrics(verdict) == {"flat_share", "flat_run"}


def test_a_frozen_tail_is_rejected_with_its_frames(tmp_path: Path) -> None:
    frames = pictures(quality_corpus.textured_pan)
    verdict = judge_clip(tmp_path, frames[:12] + [frames[12]] * 36)
    run = metric(verdict, "frozen_run")
    assert run.value == 35
    assert run.frames == ((13, 47),)
    assert run.threshold == 21  # 45 % of 48 frames is less than 1.25 s.
    assert run.reason == "35 frames in a row (frames 13–47) do not move; at most 21 allowed"
    assert not verdict.passed


@pytest.mark.parametrize("sigma", [3, 6])
def test_grain_does_not_hide_a_frozen_picture(tmp_path: Path, sigma: float) -> None:
    rng = np.random.default_rng(5)
    frames = quality_corpus.grain(rng, bad.frozen(rng, pictures(quality_corpus.moving_shapes)), sigma)
    assert "frozen_run" in failed_metrics(judge_clip(tmp_path, frames))


def test_a_hold_is_accepted_unless_it_is_too_long(tmp_path: Path) -> None:
    frames = pictures(quality_corpus.textured_pan)
    assert judge_clip(tmp_path, frames[:30] + [frames[30]] * 18).passed
    assert not judge_clip(tmp_path, frames[:20] + [frames[20]] * 28).passed


def test_stutter_is_rejected_even_without_a_long_stop(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.stutter(np.random.default_rng(1), pictures(quality_corpus.textured_pan)))
    assert "frozen_share" in failed_metrics(verdict)
    assert "frozen_run" not in failed_metrics(verdict)


def test_doubled_frames_of_a_moving_camera_are_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.doubled(np.random.default_rng(1), pictures(quality_corpus.textured_pan)))
    assert failed_metrics(verdict) == {"repeated_share"}
    assert metric(verdict, "repeated_share").value == pytest.approx(0.5, abs=0.05)


def test_repeated_frames_are_accepted_while_the_camera_stands_still(tmp_path: Path) -> None:
    repeats = metric(judge_clip(tmp_path, pictures(quality_corpus.on_twos)), "repeated_share")
    assert repeats.value is None
    assert repeats.passed is None
    assert repeats.reason is not None
    assert "camera" in repeats.reason


@pytest.mark.parametrize("inject", [bad.noise, bad.latent_noise])
def test_noise_is_rejected(tmp_path: Path, inject: object) -> None:
    assert callable(inject)
    verdict = judge_clip(tmp_path, inject(np.random.default_rng(1), pictures(quality_corpus.night)))
    assert "noise_share" in failed_metrics(verdict)
    assert metric(verdict, "noise_share").value == 1


def test_flicker_between_two_pictures_is_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.strobe(np.random.default_rng(1), pictures(quality_corpus.textured_pan)))
    assert failed_metrics(verdict) == {"flash_share"}


def test_a_flickering_checkerboard_is_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.checkerboard_flicker(np.random.default_rng(1), pictures(quality_corpus.night)))
    assert "flash_share" in failed_metrics(verdict)


def test_a_new_picture_on_every_frame_is_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.shuffled(np.random.default_rng(1), pictures(quality_corpus.night)))
    assert failed_metrics(verdict) == {"unrelated_share"}


@pytest.mark.parametrize(
    ("form", "name", "reason"),
    [
        (Format(fps=12), "rate", "12 frames/s instead of 24 frames/s"),
        (Format(codec="mpeg4"), "codec", "mpeg4 instead of h264"),
        (Format(pixel_format="yuv444p"), "pixel_format", "yuv444p instead of yuv420p"),
        (Format(gap=4), "timing", "a frame is shown"),
    ],
)
def test_an_unexpected_format_is_rejected(tmp_path: Path, form: Format, name: str, reason: str) -> None:
    verdict = judge_clip(tmp_path, pictures(quality_corpus.textured_pan), form)
    assert name in failed_metrics(verdict)
    assert reason in (metric(verdict, name).reason or "")
    assert verdict.score < 5


def test_an_unexpected_size_is_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, [picture[:-32] for picture in pictures(quality_corpus.textured_pan)])
    assert failed_metrics(verdict) == {"size"}
    assert metric(verdict, "size").reason == "256×224 pixels instead of 256×256 pixels"


def test_missing_frames_are_rejected(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, pictures(quality_corpus.textured_pan)[:-1])
    assert failed_metrics(verdict) == {"frame_count", "duration"}
    assert metric(verdict, "frame_count").reason == "47 frames instead of 48 frames"


def test_a_truncated_file_is_judged_by_its_remaining_frames(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", pictures(quality_corpus.textured_pan))
    bad.cut_off(clip)
    verdict = judge(clip, Expectation(SIZE, SIZE, 24, FRAMES))
    decodes = metric(verdict, "decodes")
    assert not verdict.passed
    assert verdict.score == 0
    assert decodes.frames[-1][1] == FRAMES - 1
    assert decodes.reason is not None
    assert "of its 48 frames can be decoded (frames" in decodes.reason


def test_a_file_that_is_not_a_video_gets_no_measurements(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("<html>502</html>")
    verdict = judge(tmp_path / "clip.mp4", Expectation(SIZE, SIZE, 24, FRAMES))
    assert (verdict.passed, verdict.score, verdict.probe) == (False, 0, None)
    assert [metric.name for metric in verdict.metrics] == ["decodes"]


def test_a_missing_file_raises_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mp4")
    with pytest.raises(NoMediaFileError):
        judge(tmp_path / "clip.mp4", Expectation(SIZE, SIZE, 24, FRAMES))


@pytest.mark.parametrize(("gain", "faults"), [(0.45, set()), (0.0, {"audio_peak"}), (4.0, {"audio_clipped_share"})])
def test_sound_is_judged_if_there_is_any(tmp_path: Path, gain: float, faults: set[str]) -> None:
    assert failed_metrics(judge_clip(tmp_path, pictures(quality_corpus.textured_pan), gain=gain)) == faults


def test_missing_sound_is_no_fault_and_has_no_measurement(tmp_path: Path) -> None:
    peak = metric(judge_clip(tmp_path, pictures(quality_corpus.textured_pan)), "audio_peak")
    assert (peak.value, peak.passed, peak.reason) == (None, None, "there is no sound track")


def test_limits_are_configurable(tmp_path: Path) -> None:
    frames = pictures(quality_corpus.textured_pan)
    clip = encode(tmp_path / "clip.mp4", frames[:40] + [frames[40]] * 8)
    expectation = Expectation(SIZE, SIZE, 24, FRAMES)
    assert judge(clip, expectation).passed
    assert not judge(clip, expectation, Limits(frozen_run_s=0.2)).passed


def test_a_verdict_can_be_stored_as_json(tmp_path: Path) -> None:
    verdict = judge_clip(tmp_path, bad.frozen(np.random.default_rng(1), pictures(quality_corpus.night)), gain=0.3)
    stored = json.loads(json.dumps(verdict.as_json(), allow_nan=False))
    assert set(stored) == {"score", "passed", "metrics", "reason", "seconds"}
    assert {"name", "value", "unit", "threshold", "better", "passed", "frames", "reason"} == set(stored["metrics"][0])
