"""Encodes transitions: the frames that two items share, or the fade to black between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import cv2
from av.video.frame import VideoFrame

from tower.assembly.clips import Clip
from tower.assembly.cut import FilmForm, Transition, TransitionKind
from tower.assembly.encoding import black_frame, write_clip
from tower.assembly.keys import content_key
from tower.assembly.packets import decode_slice
from tower.assembly.progress import Progress
from tower.media.files import touch_if_present


@dataclass(frozen=True)
class SeamPlan:
    before: Clip
    after: Clip
    transition: Transition
    key: str


def plan_seam(before: Clip, after: Clip, transition: Transition) -> SeamPlan:
    return SeamPlan(before, after, transition, content_key("seam", before.key, after.key, transition))


def is_cached(plan: SeamPlan, folder: Path) -> bool:
    return seam_path(plan, folder).is_file()


def seam_path(plan: SeamPlan, folder: Path) -> Path:
    return folder / "seams" / f"{plan.key}.mp4"


def encode_seam(plan: SeamPlan, form: FilmForm, folder: Path, progress: Progress) -> bool:
    """Write the frames of a transition, unless they are cached. Returns whether they were encoded."""
    target = seam_path(plan, folder)
    if touch_if_present(target):
        return False
    is_fade = plan.transition.kind is TransitionKind.FADE
    write_clip(
        target,
        form,
        _fade(plan, form) if is_fade else _dissolve(plan),
        count=plan.transition.frames,
        keyframes=frozenset({0, plan.before.tail}) if is_fade else frozenset({0}),
        progress=progress,
    )
    return True


def _dissolve(plan: SeamPlan) -> Iterator[VideoFrame]:
    """Frame i of n, counted from 1, has the share i / (n + 1) of the item after."""
    pairs = zip(_tail(plan.before), _head(plan.after), strict=True)
    for number, (old, new) in enumerate(pairs, start=1):
        yield _blend(old, new, number / (plan.transition.frames + 1))


def _fade(plan: SeamPlan, form: FilmForm) -> Iterator[VideoFrame]:
    """The last frame before the change is black."""
    black = black_frame(form)
    falling = (number / plan.before.tail for number in range(1, plan.before.tail + 1))
    rising = (1 - number / (plan.after.head + 1) for number in range(1, plan.after.head + 1))
    frames = chain(_tail(plan.before), _head(plan.after))
    for frame, dark, share in zip(frames, repeat(black), chain(falling, rising), strict=False):
        yield _blend(frame, dark, share)


def _blend(old: VideoFrame, new: VideoFrame, share: float) -> VideoFrame:
    mixed = cv2.addWeighted(old.to_ndarray(), 1 - share, new.to_ndarray(), share, 0)
    return VideoFrame.from_ndarray(mixed.astype("uint8", copy=False), format="yuv420p")


def _tail(clip: Clip) -> Iterator[VideoFrame]:
    end = clip.first_frame + clip.frames
    return decode_slice(clip.path, end - clip.tail, end)


def _head(clip: Clip) -> Iterator[VideoFrame]:
    return decode_slice(clip.path, clip.first_frame, clip.first_frame + clip.head)
