"""Is there a moving picture, and a sound, in the file? Metrics of what was seen and heard."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tower.quality import faults
from tower.quality.faults import named, spans
from tower.quality.picture_metrics import Look
from tower.quality.sound_metrics import Ear
from tower.quality.verdict import Limits, Metric


def picture(looks: Sequence[Look], fps: Fraction, limits: Limits) -> list[Metric]:
    total = len(looks)
    black, flat, still = faults.black(looks), faults.flat(looks), faults.still(looks)
    hold = max(1, round(limits.hold_s * fps))
    longest_hold = min(limits.frozen_run_s * fps, limits.frozen_run_share * total)
    held = [i for first, last in spans(still, least=hold) for i in range(first, last + 1)]
    return [
        _share("black_share", black, total, limits.black_share, "are black"),
        _run("black_run", black, limits.black_run_s * fps, "are black"),
        _share("flat_share", flat, total, limits.flat_share, "show one colour only"),
        _run("flat_run", flat, limits.flat_run_s * fps, "show one colour only"),
        _share("noise_share", faults.noisy(looks), total, limits.noise_share, "are noise"),
        _share("unrelated_share", faults.unrelated(looks), total, limits.unrelated_share, "do not continue the last"),
        _share("flash_share", faults.flashing(looks), total, limits.flash_share, "flash back and forth"),
        _run("frozen_run", still, longest_hold, "do not move"),
        _share("frozen_share", held, total, limits.frozen_share, "do not move"),
        _repeated(looks, limits),
    ]


def sound(ear: Ear | None, limits: Limits) -> list[Metric]:
    """`ear` is None where there is no sound track; that is no fault."""
    unit, most = "of full scale", limits.audio_clipped_share
    if ear is None or not ear.samples:
        why = "there is no sound track" if ear is None else "the sound track holds no samples"
        return [
            Metric("audio_peak", None, unit, limits.audio_peak, "min", None, reason=why),
            Metric("audio_clipped_share", None, "of samples", most, "max", None, reason=why),
        ]
    clipped = ear.clipped / ear.samples
    peak, share = round(ear.peak, 5), round(clipped, 5)
    silent = f"the sound track is silent: its peak is {peak} of full scale; at least {limits.audio_peak} is needed"
    loud = f"{clipped:.1%} of the samples are clipped; at most {most:.1%} allowed"
    heard, clean = ear.peak >= limits.audio_peak, clipped <= most
    return [
        Metric("audio_peak", peak, unit, limits.audio_peak, "min", heard, reason=None if heard else silent),
        Metric("audio_clipped_share", share, "of samples", most, "max", clean, reason=None if clean else loud),
    ]


def _repeated(looks: Sequence[Look], limits: Limits) -> Metric:
    repeats, moving = faults.repeated(looks)
    if moving < 8:
        why = f"the camera moves in {moving} pictures, too few to tell repeats from drawings on twos"
        return Metric("repeated_share", None, "of frames", limits.repeated_share, "max", None, reason=why)
    return _share("repeated_share", repeats, moving, limits.repeated_share, "of a moving camera repeat the one before")


def _share(name: str, frames: list[int], total: int, most: float, what: str) -> Metric:
    value, where = len(frames) / total, spans(frames)
    passed = value <= most
    reason = f"{len(frames)} of {total} frames{named(where)} {what}; at most {int(most * total)} allowed"
    return Metric(name, round(value, 4), "of frames", most, "max", passed, where, None if passed else reason)


def _run(name: str, frames: list[int], most: float | Fraction, what: str) -> Metric:
    allowed = int(most)
    runs = spans(frames)
    longest = max((last - first + 1 for first, last in runs), default=0)
    offending = spans(frames, least=allowed + 1)
    reason = f"{longest} frames in a row{named(offending)} {what}; at most {allowed} allowed"
    passed = longest <= allowed
    return Metric(name, longest, "frames", allowed, "max", passed, offending, None if passed else reason)
