"""Calculates which frame of the video the result shows at which time, from a plan alone."""

from __future__ import annotations

from fractions import Fraction

from db.models.music import FrameTiming
from tower.sync.plan import CutPlan

TICKS_PER_S = 90_000  # per second, with variable frame timing: a tick is 0.011 ms


def tick_s(plan: CutPlan) -> Fraction:
    """The time unit of the result, in seconds."""
    return 1 / plan.clip.fps if plan.timing == FrameTiming.CONSTANT else Fraction(1, TICKS_PER_S)


def frame_schedule(plan: CutPlan) -> list[tuple[int, int]]:
    """For each frame of the result: the number of its source frame and its time in ticks. Both ascend."""
    if plan.timing == FrameTiming.CONSTANT:
        return [(source, number) for number, source in enumerate(source_frames(plan))]
    return list(enumerate(frame_times(plan)))


def source_frames(plan: CutPlan) -> list[int]:
    """The source frame of each frame of the result at a constant rate: the nearest one of its shot.

    A shot starts with its first frame and never shows a frame of the next shot.
    """
    ends = [*(cut.at_frame for cut in plan.cuts[1:]), plan.clip.frames]
    found: list[int] = []
    for shot, cut, end in zip(plan.shots, plan.cuts, ends, strict=True):
        count = end - cut.at_frame
        nearest = ((2 * number * shot.frames + count) // (2 * count) for number in range(count))
        found += [shot.first_frame + min(source, shot.frames - 1) for source in nearest]
    return found


def frame_times(plan: CutPlan) -> list[int]:
    """The time of each frame in ticks, if every frame is kept."""
    return [
        round((shot.starts_s + number / shot.frames * shot.lasts_s) * TICKS_PER_S)
        for shot in plan.shots
        for number in range(shot.frames)
    ]


def end_tick(plan: CutPlan) -> int:
    """The end of the last frame of the result, in ticks."""
    return round(plan.clip.frames / plan.clip.fps / tick_s(plan))
