"""Checks that a file contains a moving picture and audible sound: metrics of its pictures and samples."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tower.quality import faults
from tower.quality.faults import describe_ranges, frame_ranges
from tower.quality.picture_metrics import PictureStats
from tower.quality.sound_metrics import SoundMeter
from tower.quality.verdict import Limits, Metric


def check_picture(stats: Sequence[PictureStats], fps: Fraction, limits: Limits) -> list[Metric]:
    total = len(stats)
    black, flat, still = faults.black_frames(stats), faults.flat_frames(stats), faults.still_frames(stats)
    min_hold = max(1, round(limits.hold_s * fps))
    longest_hold = min(limits.frozen_run_s * fps, limits.frozen_run_share * total)
    held = [i for first, last in frame_ranges(still, min_length=min_hold) for i in range(first, last + 1)]
    return [
        _check_share("black_share", black, total, limits.black_share, "are black"),
        _check_run("black_run", black, limits.black_run_s * fps, "are black"),
        _check_share("flat_share", flat, total, limits.flat_share, "show one colour only"),
        _check_run("flat_run", flat, limits.flat_run_s * fps, "show one colour only"),
        _check_share("noise_share", faults.noisy_frames(stats), total, limits.noise_share, "are noise"),
        _check_share(
            "unrelated_share",
            faults.unrelated_frames(stats),
            total,
            limits.unrelated_share,
            "do not follow the one before",
        ),
        _check_share("flash_share", faults.flashing_frames(stats), total, limits.flash_share, "flash back and forth"),
        _check_run("frozen_run", still, longest_hold, "do not move"),
        _check_share("frozen_share", held, total, limits.frozen_share, "do not move"),
        _check_repeats(stats, limits),
    ]


def check_sound(meter: SoundMeter | None, limits: Limits) -> list[Metric]:
    """`meter` is None for a file without a sound track, which is not a fault."""
    unit, limit = "of full scale", limits.audio_clipped_share
    if meter is None or not meter.samples:
        reason = "there is no sound track" if meter is None else "the sound track holds no samples"
        return [
            Metric("audio_peak", None, unit, limits.audio_peak, "min", None, reason=reason),
            Metric("audio_clipped_share", None, "of samples", limit, "max", None, reason=reason),
        ]
    clipped = meter.clipped_samples / meter.samples
    peak, share = round(meter.peak, 5), round(clipped, 5)
    silent = f"the sound track is silent: its peak is {peak} of full scale; at least {limits.audio_peak} is needed"
    loud = f"{clipped:.1%} of the samples are clipped; at most {limit:.1%} allowed"
    is_audible, is_clean = meter.peak >= limits.audio_peak, clipped <= limit
    return [
        Metric("audio_peak", peak, unit, limits.audio_peak, "min", is_audible, reason=None if is_audible else silent),
        Metric("audio_clipped_share", share, "of samples", limit, "max", is_clean, reason=None if is_clean else loud),
    ]


def _check_repeats(looks: Sequence[PictureStats], limits: Limits) -> Metric:
    repeats, moving = faults.repeated_frames(looks)
    if moving < 8:
        reason = f"the camera moves in {moving} pictures, too few to tell repeats from drawings on twos"
        return Metric("repeated_share", None, "of frames", limits.repeated_share, "max", None, reason=reason)
    return _check_share(
        "repeated_share", repeats, moving, limits.repeated_share, "of a moving camera repeat the one before"
    )


def _check_share(name: str, frames: list[int], total: int, limit: float, complaint: str) -> Metric:
    value, where = len(frames) / total, frame_ranges(frames)
    passed = value <= limit
    reason = (
        f"{len(frames)} of {total} frames{describe_ranges(where)} {complaint}; at most {int(limit * total)} allowed"
    )
    return Metric(name, round(value, 4), "of frames", limit, "max", passed, where, None if passed else reason)


def _check_run(name: str, frames: list[int], limit: float | Fraction, complaint: str) -> Metric:
    allowed = int(limit)
    runs = frame_ranges(frames)
    longest = max((last - first + 1 for first, last in runs), default=0)
    offending = frame_ranges(frames, min_length=allowed + 1)
    reason = f"{longest} frames in a row{describe_ranges(offending)} {complaint}; at most {allowed} allowed"
    passed = longest <= allowed
    return Metric(name, longest, "frames", allowed, "max", passed, offending, None if passed else reason)
