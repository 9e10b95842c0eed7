"""Which frame of the video is shown when in the result. Pure arithmetic on a plan."""

from __future__ import annotations

from fractions import Fraction

from db.models.music import FrameTiming
from tower.sync.plan import Plan

TICKS = 90_000  # a second, where frames keep their own times: a tick is 0.011 ms


def tick_of(plan: Plan) -> Fraction:
    """What times of the result are counted in, in seconds."""
    return 1 / plan.clip.fps if plan.timing == FrameTiming.CONSTANT else Fraction(1, TICKS)


def schedule(plan: Plan) -> list[tuple[int, int]]:
    """Each frame of the result: which frame of the video it is, and its time in ticks. Both ascend."""
    if plan.timing == FrameTiming.CONSTANT:
        return [(source, number) for number, source in enumerate(sources(plan))]
    return list(enumerate(times(plan)))


def sources(plan: Plan) -> list[int]:
    """At a constant rate: the frame that each frame of the result shows, the nearest one of its shot.

    A shot begins with its first frame and never shows one of the next.
    """
    ends = [*(cut.at_frame for cut in plan.cuts[1:]), plan.clip.frames]
    found: list[int] = []
    for shot, cut, end in zip(plan.shots, plan.cuts, ends, strict=True):
        count = end - cut.at_frame
        nearest = ((2 * number * shot.frames + count) // (2 * count) for number in range(count))
        found += [shot.first_frame + min(source, shot.frames - 1) for source in nearest]
    return found


def times(plan: Plan) -> list[int]:
    """Where every frame is kept: when it is shown, in ticks."""
    return [
        round((shot.starts_s + number / shot.frames * shot.lasts_s) * TICKS)
        for shot in plan.shots
        for number in range(shot.frames)
    ]


def end(plan: Plan) -> int:
    """When the last frame of the result ends, in ticks."""
    return round(plan.clip.frames / plan.clip.fps / tick_of(plan))
