"""Joining without encoding what need not be: bodies are copied packet by packet, only the seams are encoded.

A body is what a segment does not share with its neighbours. It can be copied if it begins with an IDR frame and one
follows it, and if the seams beside it have the very same decoder configuration (SPS and PPS): a player reads it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import av
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from tower.media.clips import Clip, decoded, frame_numbers, moving_pictures, packets_of
from tower.media.crossfade import blended, bodies
from tower.media.decode import opened
from tower.media.x264 import MP4, encoded, options_from, settle

_AT_ONCE = 2  # seams: each takes some 60 MB at 1024×1024
Packets: TypeAlias = "Sequence[Packet[VideoStream]]"  # Packet takes a parameter in its stubs only


class NotCopyableError(Exception):
    """Why these bodies cannot be copied, in words."""


def copy_bodies(clips: Sequence[Clip], target: Path, *, overlap: int, tags: dict[str, str]) -> None:
    """Write the joined video. Raises NotCopyableError if that needs encoding, MediaUnreadableError at damage."""
    cuts = bodies(clips, overlap)
    _check(clips, cuts)
    with ThreadPoolExecutor(_AT_ONCE) as pool, av.open(str(target), "w", format="mp4", options=MP4) as out:
        out.metadata.update(tags)
        seams = pool.map(_seam, clips, clips[1:] if overlap else ())
        track: _Track | None = None
        for clip, (start, end) in zip(clips, cuts, strict=True):
            with opened(clip.path) as container:
                video = moving_pictures(container, clip.path)
                track = track or _Track(out, video, clips)
                if start:
                    track.put(next(seams))
                track.put(packets_of(container, video, clip.path)[start:end])


def _check(clips: Sequence[Clip], cuts: Sequence[tuple[int, int]]) -> None:
    for number, (clip, (start, end)) in enumerate(zip(clips, cuts, strict=True), start=1):
        closed = {0, start, end} - {clip.frames}
        if not clip.ours:
            raise NotCopyableError(f"segment {number} is not H.264 in yuv420p and BT.709")
        if not clip.even:
            raise NotCopyableError(f"segment {number} does not show its frames at a constant rate")
        if clip.header != clips[0].header:
            raise NotCopyableError(f"segment {number} was encoded with other settings than segment 1")
        if not closed <= clip.starts:
            raise NotCopyableError(f"segment {number} cannot be cut at frame {min(closed - clip.starts)}: it is no IDR")
        if clip.note is None:
            raise NotCopyableError(f"segment {number} does not tell the settings it was encoded with")


def _seam(before: Clip, after: Clip) -> Packets:
    """The cross-fade as packets that fit among theirs."""
    fade = blended(decoded(before.tail, before), decoded(after.head, after))
    encoder = av.CodecContext.create("libx264", "w")
    settle(encoder, size=after.size, rate=after.rate, options=options_from(after.note or ""))
    encoder.thread_count = 1  # the seams are encoded side by side
    encoder.flags |= Flags.global_header
    packets = list(encoded(fade, encoder))
    # For the Baseline and Main profiles libx264 appends fields that MP4 leaves out there; they follow SPS and PPS.
    if not (encoder.extradata or b"").startswith(after.header):
        raise NotCopyableError("the settings that the segments were encoded with cannot be met again")
    return packets


class _Track:
    """The one track of the joined file. Times are counted anew, in frames: as shown, and as sent to the decoder."""

    def __init__(self, out: OutputContainer, template: VideoStream, clips: Sequence[Clip]) -> None:
        self._out = out
        self._rate = clips[0].rate
        self._stream = out.add_stream_from_template(template)
        self._stream.time_base = 1 / self._rate
        # A frame is sent before it is shown, by as many places as any is late.
        self._lead = max(template.codec_context.reorder_depth, *(clip.late for clip in clips))
        self._count = 0

    def put(self, packets: Packets) -> None:
        """Add a closed run of packets: it begins with an IDR, and all its frames are in it."""
        for place, (packet, number) in enumerate(zip(packets, frame_numbers(packets, self._rate), strict=True)):
            packet.stream = self._stream
            packet.time_base = 1 / self._rate
            packet.pts = self._count + number
            packet.dts = self._count + place - self._lead
            packet.duration = 1
            self._out.mux(packet)
        self._count += len(packets)
