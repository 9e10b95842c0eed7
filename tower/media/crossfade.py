"""Join segments with linear cross-fades over the frames that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import cv2
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from tower.media.clips import SegmentStream, decode_frames
from tower.media.decode import MediaUnreadableError
from tower.media.x264 import BT709

_UNTAGGED = 2  # colorspace of a frame without a tag


def blend_frames(before: Sequence[VideoFrame], after: Sequence[VideoFrame]) -> Iterator[VideoFrame]:
    """Blend n pairs of yuv420p frames. Pair i, counted from 1, has the share i / (n + 1) of `after`."""
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        share = number / (len(before) + 1)
        mixed = cv2.addWeighted(old.to_ndarray(), 1 - share, new.to_ndarray(), share, 0)
        yield VideoFrame.from_ndarray(mixed.astype("uint8", copy=False), format="yuv420p")


def body_ranges(clips: Sequence[SegmentStream], overlap: int) -> list[tuple[int, int]]:
    """Return for each segment the range [start, end) of the frames that it does not share with a neighbour."""
    last = len(clips) - 1
    return [(overlap if i else 0, clip.frames - (overlap if i < last else 0)) for i, clip in enumerate(clips)]


def crossfade_segments(clips: Sequence[SegmentStream], overlap: int) -> Iterator[VideoFrame]:
    """Yield all frames of the joined video. They are decoded lazily, and only shared ones are kept in memory.

    Raises MediaUnreadableError if a segment is damaged.
    """
    tail: list[VideoFrame] = []
    for clip, (start, end) in zip(clips, body_ranges(clips, overlap), strict=True):
        frames = map(to_bt709, decode_frames(clip.path))
        yield from blend_frames(tail, list(islice(frames, start)))
        yield from islice(frames, end - start)
        tail = list(islice(frames, overlap + 1))
        if len(tail) != clip.frames - end:
            raise MediaUnreadableError(f"{clip.path.name} does not contain the {clip.frames} frames of its packets")


def to_bt709(frame: VideoFrame) -> VideoFrame:
    """Convert to yuv420p in BT.709, limited range. Untagged frames are taken as BT.601, the default of FFmpeg."""
    if frame.format.name == "yuv420p" and frame.colorspace == BT709 and frame.color_range != ColorRange.JPEG:
        return frame
    return frame.reformat(
        format="yuv420p",
        src_colorspace=Colorspace.ITU601 if frame.colorspace == _UNTAGGED else None,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,  # otherwise colours are off by 2 or 3 levels
    )
