"""Reads a part of a clip: its packets, or its frames."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tower.assembly.errors import AssemblyError
from tower.media.clips import decode_packets, find_video_stream, inspect_stream, iter_packets
from tower.media.decode import open_container

VideoPacket: TypeAlias = "Packet[VideoStream]"  # quoted, as Packet is generic only in its stubs


@dataclass(frozen=True)
class Piece:
    """Packets that are copied: from IDR frame `start` until before `end`."""

    path: Path
    start: int
    end: int


def iter_slice(path: Path, start: int, end: int, *, header: bytes | None = None) -> Iterator[VideoPacket]:
    """Yield the packets from the IDR frame `start` until before `end`, at which a copy may end.

    Raises AssemblyError if the decoder configuration of the file is not `header`.
    """
    if start == end:
        return
    with open_container(path, decodes=False) as container:
        video = find_video_stream(container, path)
        if header is not None and bytes(video.codec_context.extradata or b"") != header:
            raise AssemblyError(f"{path.name} was encoded with other settings than the rest of the film")
        for position, packet in enumerate(iter_packets(container, video, path)):
            if position >= end:
                return
            if position >= start:
                yield packet


def decode_slice(path: Path, start: int, end: int) -> Iterator[VideoFrame]:
    """Yield the frames from `start` until before `end`, which may be any frames of the file."""
    if start == end:
        return
    first = max(frame for frame in inspect_stream(path, 0, decodes=False).idr_frames if frame <= start)
    packets = (bytes(packet) for packet in iter_slice(path, first, sys.maxsize))
    frames = decode_packets(packets, header=read_stream_header(path), path=path)
    yield from islice(frames, start - first, end - first)


def read_stream_header(path: Path) -> bytes:
    """The decoder configuration (avcC) of a file."""
    with open_container(path, decodes=False) as container:
        return bytes(find_video_stream(container, path).codec_context.extradata or b"")
