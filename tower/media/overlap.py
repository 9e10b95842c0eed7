"""Lengths and overlap of segments. This module imports no codec, as the API only plans segments."""

from __future__ import annotations

from itertools import pairwise

from tower.errors import InvalidError

OVERLAP_FRAMES = 4
"""Frames that two neighbouring segments share. A join encodes only these again."""


def segment_frames(duration_s: int, fps: float, overlap: int) -> list[int]:
    """Return the count of frames of each segment of a video of `duration_s` seconds: one segment per second.

    Every segment but the last has the frames of its own second and, at its end, the first `overlap` frames of the next
    one. The last has those of its second. So the sum minus `overlap` for each seam is `duration_s * fps`, rounded.
    Raises InvalidError if there is nothing to render, or if `overlap` is longer than a second.
    """
    if duration_s < 1:
        raise InvalidError.field("duration_s", duration_s, "a whole number of seconds from 1")
    if fps < 1:
        raise InvalidError.field("fps", fps, "frames per second from 1")
    if not 0 <= overlap <= fps:
        raise InvalidError.field("overlap", overlap, f"0 to {fps} frames: at most one second")
    starts = [round(second * fps) for second in range(duration_s + 1)]
    lengths = [end - start for start, end in pairwise(starts)]
    return [*(frames + overlap for frames in lengths[:-1]), lengths[-1]]
