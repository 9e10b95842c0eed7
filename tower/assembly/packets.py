"""Reads the packets of a part of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from av.packet import Packet
from av.video.stream import VideoStream

from tower.assembly.errors import AssemblyError
from tower.media.clips import find_video_stream, iter_packets
from tower.media.decode import open_container

VideoPacket: TypeAlias = "Packet[VideoStream]"  # quoted, as Packet is generic only in its stubs


def iter_slice(path: Path, start: int, end: int, *, header: bytes | None = None) -> Iterator[VideoPacket]:
    """Yield the packets from `start` until before `end`, both of which are IDR frames or the end of the file.

    Raises AssemblyError if the decoder configuration of the file is not `header`.
    """
    if start == end:
        return
    with open_container(path) as container:
        video = find_video_stream(container, path)
        if header is not None and bytes(video.codec_context.extradata or b"") != header:
            raise AssemblyError(f"{path.name} was encoded with other settings than the rest of the film")
        for position, packet in enumerate(iter_packets(container, video, path)):
            if position >= end:
                return
            if position >= start:
                yield packet


def read_stream_header(path: Path) -> bytes:
    """The decoder configuration (avcC) of a file."""
    with open_container(path) as container:
        return bytes(find_video_stream(container, path).codec_context.extradata or b"")
