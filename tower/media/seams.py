"""Join segments with as little encoding as possible: bodies are copied packet by packet, only seams are encoded.

A body is the part of a segment that it does not share with its neighbours. It can be copied if it starts with an IDR
frame, is followed by one, and the seams next to it have the same decoder configuration (SPS and PPS), as a player reads
the configuration only once.
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

from tower.media.clips import SegmentStream, decode_packets, find_video_stream, frame_numbers, read_packets
from tower.media.crossfade import blend_frames, body_ranges
from tower.media.decode import open_container
from tower.media.x264 import MP4_OPTIONS, configure_encoder, encode_frames, parse_settings_note

_WORKERS = 2  # seams encoded in parallel; each takes about 60 MB at 1024×1024
Packets: TypeAlias = "Sequence[Packet[VideoStream]]"  # quoted, as Packet is generic only in its stubs


class NotCopyableError(Exception):
    """The bodies cannot be copied. The message is the reason."""


def copy_bodies(clips: Sequence[SegmentStream], target: Path, *, overlap: int, tags: dict[str, str]) -> None:
    """Write the joined video.

    Raises NotCopyableError if the bodies need encoding, MediaUnreadableError if a segment is damaged.
    """
    cuts = body_ranges(clips, overlap)
    _check_copyable(clips, cuts)
    with ThreadPoolExecutor(_WORKERS) as pool, av.open(str(target), "w", format="mp4", options=MP4_OPTIONS) as out:
        out.metadata.update(tags)
        seams = pool.map(_encode_seam, clips, clips[1:] if overlap else ())
        track: _Track | None = None
        for clip, (start, end) in zip(clips, cuts, strict=True):
            with open_container(clip.path) as container:
                video = find_video_stream(container, clip.path)
                track = track or _Track(out, video, clips)
                if start:
                    track.put(next(seams))
                track.put(read_packets(container, video, clip.path)[start:end])


def _check_copyable(clips: Sequence[SegmentStream], cuts: Sequence[tuple[int, int]]) -> None:
    for number, (clip, (start, end)) in enumerate(zip(clips, cuts, strict=True), start=1):
        closed = {0, start, end} - {clip.frames}
        if not clip.is_tower_format:
            raise NotCopyableError(f"segment {number} is not H.264 in yuv420p and BT.709")
        if not clip.is_constant_rate:
            raise NotCopyableError(f"segment {number} does not show its frames at a constant rate")
        if clip.header != clips[0].header:
            raise NotCopyableError(f"segment {number} was encoded with other settings than segment 1")
        if not closed <= clip.idr_frames:
            raise NotCopyableError(
                f"segment {number} cannot be cut at frame {min(closed - clip.idr_frames)}: it is not an IDR frame"
            )
        if clip.settings_note is None:
            raise NotCopyableError(f"segment {number} does not contain the settings it was encoded with")


def _encode_seam(before: SegmentStream, after: SegmentStream) -> Packets:
    """Encode the cross-fade to packets that fit between those of the segments."""
    tail = decode_packets(before.tail_packets, header=before.header, path=before.path)
    head = decode_packets(after.head_packets, header=after.header, path=after.path)
    fade = blend_frames(list(tail), list(head))
    encoder = av.CodecContext.create("libx264", "w")
    configure_encoder(encoder, size=after.size, rate=after.rate, options=parse_settings_note(after.settings_note or ""))
    encoder.thread_count = 1  # seams are encoded in parallel
    encoder.flags |= Flags.global_header
    packets = list(encode_frames(fade, encoder))
    # For Baseline and Main, libx264 appends fields after SPS and PPS that MP4 leaves out, so compare the start only.
    if not (encoder.extradata or b"").startswith(after.header):
        raise NotCopyableError("the settings that the segments were encoded with cannot be reproduced")
    return packets


class _Track:
    """The video track of the joined file. Presentation and decoding times are assigned again, counted in frames."""

    def __init__(self, out: OutputContainer, template: VideoStream, clips: Sequence[SegmentStream]) -> None:
        self._out = out
        self._rate = clips[0].rate
        self._stream = out.add_stream_from_template(template)
        self._stream.time_base = 1 / self._rate
        # Decoding times are this many frames earlier, so that no frame is decoded after it is shown.
        self._lead = max(template.codec_context.reorder_depth, *(clip.reorder_packets for clip in clips))
        self._count = 0

    def put(self, packets: Packets) -> None:
        """Add packets that start with an IDR frame and refer to no other packets."""
        for position, (packet, number) in enumerate(zip(packets, frame_numbers(packets, self._rate), strict=True)):
            packet.stream = self._stream
            packet.time_base = 1 / self._rate
            packet.pts = self._count + number
            packet.dts = self._count + position - self._lead
            packet.duration = 1
            self._out.mux(packet)
        self._count += len(packets)
