"""Read the file of a segment: its packets without decoding them, and its frames with strict decoding."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, chain
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from tower.media.decode import MAX_PIXELS, MediaUnreadableError, open_container
from tower.media.x264 import BT709

STRICT_OPTIONS = {"err_detect": "explode"}  # by default FFmpeg conceals damage and returns the frame
_NOTE = re.compile(rb"x264 - core [ -~]* options: ([ -~]+)")
_IDR = 5  # NAL unit type (H.264, table 7-1)


class TimedPacket(Protocol):
    """What times are calculated from: a packet, or the facts that are kept of it."""

    @property
    def pts(self) -> int | None: ...

    @property
    def time_base(self) -> Fraction: ...


@dataclass(frozen=True)
class _PacketFacts:
    """A packet without its data, as all the data of a long clip would fill the memory."""

    pts: int | None
    time_base: Fraction
    is_discard: bool
    is_idr: bool


@dataclass(frozen=True)
class SegmentStream:
    """A segment, described from its packets.

    header: the decoder configuration (avcC).
    settings_note: the settings that x264 noted in the stream.
    idr_frames: IDR frames, at which decoding can start and before which no later packet is shown.
    closed_ends: the counts of packets after which a copy may end, as they show exactly the frames before that number.
    is_constant_rate: whether all frames are shown, at a constant rate.
    reorder_packets: the largest number of packets by which a frame is sent after its turn.
    is_tower_format: whether it is H.264, 8-bit 4:2:0, tagged BT.709 in limited range.
    head_packets, tail_packets: the packets of the frames that it shares with its neighbours, if it can be cut there.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    frames: int
    header: bytes
    settings_note: str | None
    idr_frames: frozenset[int]
    closed_ends: frozenset[int]
    is_constant_rate: bool
    reorder_packets: int
    is_tower_format: bool
    tags: dict[str, str]
    head_packets: tuple[bytes, ...] = field(repr=False)
    tail_packets: tuple[bytes, ...] = field(repr=False)


def inspect_stream(path: Path, overlap: int, *, decodes: bool = True) -> SegmentStream:
    """Describe a segment from its packets. Raises MediaUnreadableError if the file is not a video or is cut off.

    Without decoding, which is ten times as fast, the form of pixels is not looked at: the header implies it.
    """
    with open_container(path, decodes=decodes) as container:
        video = find_video_stream(container, path)
        head: list[bytes] = []
        tail: deque[bytes] = deque(maxlen=max(0, overlap))
        note = None
        packets: list[_PacketFacts] = []
        for packet in iter_packets(container, video, path):
            if not packets:
                note = _settings_note(packet)
            if len(head) < overlap:
                head.append(bytes(packet))
            if overlap > 0:
                tail.append(bytes(packet))
            packets.append(_describe_packet(packet, video))
        if not packets or len(packets) < video.frames:
            raise MediaUnreadableError(f"{path.name} is cut off: {len(packets)} of its {video.frames} frames exist")
        rate = _frame_rate(video, packets, path)
        numbers = frame_numbers(packets, rate)
        return SegmentStream(
            path=path,
            size=(video.width, video.height),
            rate=rate,
            frames=sum(not packet.is_discard for packet in packets),
            header=bytes(video.codec_context.extradata or b""),
            settings_note=note,
            idr_frames=frozenset(
                at
                for at, (packet, number) in enumerate(zip(packets, numbers, strict=True))
                if packet.is_idr and at == number
            ),
            closed_ends=frozenset(
                count for count, newest in enumerate(accumulate(numbers, max), start=1) if newest == count - 1
            ),
            is_constant_rate=sorted(numbers) == list(range(len(packets)))
            and not any(packet.is_discard for packet in packets),
            reorder_packets=max(position - number for position, number in enumerate(numbers)),
            is_tower_format=_is_tower_format(video, knows_pixels=decodes),
            tags=dict(container.metadata),
            head_packets=tuple(head),
            tail_packets=tuple(tail),
        )


def find_video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the video track. Raises MediaUnreadableError if there is none, or if its frames exceed MAX_PIXELS."""
    if not container.streams.video:
        raise MediaUnreadableError(f"{path.name} has no video track")
    video = container.streams.video[0]
    if video.width * video.height > MAX_PIXELS:
        raise MediaUnreadableError(
            f"Frames of {video.width}×{video.height} are larger than the {MAX_PIXELS} pixels that Tower decodes"
        )
    return video


def read_packets(container: InputContainer, video: VideoStream, path: Path) -> list[Packet[VideoStream]]:
    """Return all packets in decoding order. They are valid while the container is open."""
    return list(iter_packets(container, video, path))


def iter_packets(container: InputContainer, video: VideoStream, path: Path) -> Iterator[Packet[VideoStream]]:
    """Yield the packets in decoding order. They are valid while the container is open."""
    try:
        yield from (packet for packet in container.demux(video) if packet.size)
    except av.FFmpegError as error:
        raise MediaUnreadableError(f"{path.name} cannot be read to its end") from error


def frame_numbers(packets: Sequence[TimedPacket], rate: Fraction) -> list[int]:
    """Return the number of each packet's frame in presentation order, from 0; −1 for a packet without a time."""
    first = min((packet.pts for packet in packets if packet.pts is not None), default=0)
    frames_per_tick = float(packets[0].time_base * rate) if packets else 0.0  # fractions take 5 times as long
    return [-1 if p.pts is None else round((p.pts - first) * frames_per_tick) for p in packets]


def decode_frames(path: Path) -> Iterator[VideoFrame]:
    """Yield the frames. Raises MediaUnreadableError at the first damaged one."""
    with open_container(path) as container:
        video = find_video_stream(container, path)
        video.thread_type = "AUTO"
        video.codec_context.options = STRICT_OPTIONS
        yield from _check_frames(container.decode(video), path)


def decode_packets(packets: Iterable[bytes], *, header: bytes, path: Path) -> Iterator[VideoFrame]:
    """Decode H.264 packets that start with an IDR frame. Raises MediaUnreadableError if one is damaged."""
    context = av.CodecContext.create("h264", "r")
    context.extradata = header
    context.options = STRICT_OPTIONS
    sent = chain(map(Packet, packets), (None,))
    frames = (frame for packet in sent for frame in context.decode(packet))
    yield from _check_frames(frames, path)


def _check_frames(frames: Iterator[VideoFrame], path: Path) -> Iterator[VideoFrame]:
    try:
        for number, frame in enumerate(frames):
            if frame.is_corrupt:
                raise MediaUnreadableError(f"{path.name} is damaged at frame {number}")
            yield frame
    except av.FFmpegError as error:
        raise MediaUnreadableError(f"{path.name} is damaged: not all of its frames can be decoded") from error


def _frame_rate(video: VideoStream, packets: Sequence[TimedPacket], path: Path) -> Fraction:
    """Return the rate over the start times of frames, as the last duration and the header are often wrong."""
    declared = video.average_rate or video.guessed_rate
    times = [packet.pts for packet in packets if packet.pts is not None]
    steps, span_s = len(times) - 1, (max(times, default=0) - min(times, default=0)) * packets[0].time_base
    if declared and abs(steps / declared - span_s) <= packets[0].time_base:
        return declared
    if span_s <= 0:
        raise MediaUnreadableError(f"{path.name} has no frame rate")
    return steps / span_s


def _describe_packet(packet: Packet[VideoStream], video: VideoStream) -> _PacketFacts:
    header = video.codec_context.extradata or b""
    is_idr = False
    if packet.is_keyframe and video.codec_context.name == "h264" and len(header) >= 5:
        is_idr = _has_idr(bytes(packet), (header[4] & 3) + 1)  # ISO/IEC 14496-15, lengthSizeMinusOne
    return _PacketFacts(packet.pts, packet.time_base, packet.is_discard, is_idr)


def _has_idr(data: bytes, length_bytes: int) -> bool:
    offset = 0
    while offset + length_bytes < len(data):
        if data[offset + length_bytes] & 31 == _IDR:
            return True
        offset += length_bytes + int.from_bytes(data[offset : offset + length_bytes])
    return False


def _settings_note(packet: Packet[VideoStream]) -> str | None:
    found = _NOTE.search(bytes(packet))
    return found[1].decode() if found else None


def _is_tower_format(video: VideoStream, *, knows_pixels: bool) -> bool:
    context = video.codec_context
    tags = (context.color_primaries, context.color_trc, context.colorspace)
    limited = context.color_range != ColorRange.JPEG
    is_planar = context.pix_fmt == "yuv420p" or not knows_pixels
    return context.name == "h264" and is_planar and tags == (BT709,) * 3 and limited
