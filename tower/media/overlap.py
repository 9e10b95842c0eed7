"""How long segments are, and what they share. No codec is imported here: an API plans, and encodes nothing."""

from __future__ import annotations

from tower.errors import InvalidError

OVERLAP_FRAMES = 4
"""Frames that two neighbouring segments share: only these are encoded again when segments are joined."""


def segment_frames(duration_s: int, fps: int, overlap: int) -> list[int]:
    """How many frames each segment of a video of `duration_s` seconds renders: one segment a second.

    Every segment but the last has `fps + overlap` frames: its own second and, at its end, the first `overlap` frames of
    the next one. The last has `fps`. So the sum, less `overlap` for each of the seams, is `duration_s * fps`.
    Raises InvalidError if there is nothing to render, or if the two overlaps of a segment would meet.
    """
    if duration_s < 1:
        raise InvalidError.field("duration_s", duration_s, "a whole number of seconds, 1 or more")
    if fps < 1:
        raise InvalidError.field("fps", fps, "1 or more frames a second")
    if not 0 <= overlap <= fps:
        raise InvalidError.field("overlap", overlap, f"0 to {fps} frames: no more than a second")
    return [fps + overlap] * (duration_s - 1) + [fps]
