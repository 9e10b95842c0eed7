"""Two segments that show the same moments, made one: a linear cross-fade over the frames that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import cv2
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from tower.media.clips import Clip, pictures
from tower.media.decode import MediaUnreadableError
from tower.media.x264 import BT709

_UNTAGGED = 2


def blended(before: Sequence[VideoFrame], after: Sequence[VideoFrame]) -> Iterator[VideoFrame]:
    """Of n pairs of yuv420p frames the i-th, counted from 1, has the share i / (n + 1) of `after`."""
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        share = number / (len(before) + 1)
        mixed = cv2.addWeighted(old.to_ndarray(), 1 - share, new.to_ndarray(), share, 0)
        yield VideoFrame.from_ndarray(mixed.astype("uint8", copy=False), format="yuv420p")


def bodies(clips: Sequence[Clip], overlap: int) -> list[tuple[int, int]]:
    """Of each segment the frames [start, end) that it shares with no neighbour."""
    last = len(clips) - 1
    return [(overlap if i else 0, clip.frames - (overlap if i < last else 0)) for i, clip in enumerate(clips)]


def faded(clips: Sequence[Clip], overlap: int) -> Iterator[VideoFrame]:
    """All frames of the joined video, decoded as they are asked for; only the shared ones are held.

    Raises MediaUnreadableError if a segment is damaged.
    """
    tail: list[VideoFrame] = []
    for clip, (start, end) in zip(clips, bodies(clips, overlap), strict=True):
        frames = map(in_bt709, pictures(clip.path))
        yield from blended(tail, list(islice(frames, start)))
        yield from islice(frames, end - start)
        tail = list(islice(frames, overlap + 1))
        if len(tail) != clip.frames - end:
            raise MediaUnreadableError(f"{clip.path.name} does not hold the {clip.frames} frames that it says it has")


def in_bt709(frame: VideoFrame) -> VideoFrame:
    """As yuv420p in BT.709, limited range. Untagged pictures are in BT.601: FFmpeg's default."""
    if frame.format.name == "yuv420p" and frame.colorspace == BT709 and frame.color_range != ColorRange.JPEG:
        return frame
    return frame.reformat(
        format="yuv420p",
        src_colorspace=Colorspace.ITU601 if frame.colorspace == _UNTAGGED else None,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,  # without, colours come out 2 or 3 levels off
    )
