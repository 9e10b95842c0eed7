"""Decode a file safely in one pass, counting every frame and passing it to callbacks."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

# Containers that contain their media. Playlists (hls, dash, concat, image2, …) refer to other files and URLs.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
MAX_PIXELS = 8192 * 8192  # larger frames would exhaust the memory
MAX_FIRST_PACKETS = 500  # of picture and sound, before the first frame


class MediaUnreadableError(TowerError):
    """The file is not a video, or is incomplete or damaged."""

    code = ErrorCode.MEDIA_UNREADABLE
    status = 422


class NoMediaFileError(MediaUnreadableError):
    """The path is not a readable regular file: missing, forbidden, a folder, a FIFO or a device."""


@dataclass
class DecodeTally:
    """The result of decoding a file.

    declared_frames: the count of frames in the header.
    display_times, sent_times: presentation times of decoded frames and of packets, in ticks of the video stream.
    hidden_frames: packets that an edit list hides.
    samples: decoded audio samples.
    lost_audio_packets: audio packets that cannot be decoded.
    """

    declared_frames: int
    display_times: list[int] = field(default_factory=list)
    sent_times: list[int] = field(default_factory=list)
    hidden_frames: int = 0
    samples: int = 0
    lost_audio_packets: int = 0
    frames: int = 0

    @property
    def total(self) -> int:
        """The expected count of frames, from the header or the packets, without those that an edit list hides."""
        return max(self.declared_frames - self.hidden_frames, len(self.sent_times), self.frames)

    @property
    def lost(self) -> tuple[int, ...]:
        """The frames that cannot be decoded, numbered from 0 in presentation order."""
        shown = set(self.display_times)
        undecoded = [number for number, time in enumerate(sorted(self.sent_times)) if time not in shown]
        return (*undecoded, *range(len(self.sent_times), self.total)) if self.frames < self.total else ()

    @property
    def fault(self) -> str | None:
        if self.frames < self.total:
            return f"only {self.frames} of its {self.total} frames can be decoded"
        return f"{self.lost_audio_packets} packets of its audio cannot be decoded" if self.lost_audio_packets else None


@contextmanager
def open_container(path: Path, *, decodes: bool = True) -> Iterator[InputContainer]:
    """Open a regular local file in a known container, without opening anything that it refers to.

    If only packets are read, opening it without a decoder takes a tenth of the time: FFmpeg decodes some frames to
    find out what the container does not say, as the form of pixels. Raises MediaUnreadableError.
    """
    with open_regular_file(path) as file, _open_container(file, path.name, decodes=decodes) as container:
        yield container


def require_video(file: IO[bytes], name: str) -> None:
    """Raise MediaUnreadableError unless the open file is a video whose first frame can be decoded."""
    with _open_container(file, name) as container:
        moving = (video for video in container.streams.video if not video.disposition & Disposition.attached_pic)
        video = next(moving, None)
        if video is None:
            raise MediaUnreadableError(f"{name} holds no moving picture")
        _require_decodable_size(video)
        for packet in islice(_iter_packets(container, video), MAX_FIRST_PACKETS):
            if packet.stream.type == "video" and _decode(packet):
                return
    raise MediaUnreadableError(f"{name} holds no frame that can be decoded")


def decode_all(
    container: InputContainer,
    video: VideoStream,
    *,
    on_picture: Callable[[VideoFrame], None],
    on_sound: Callable[[AudioFrame], None],
) -> DecodeTally:
    """Decode the frames and the first audio track. Damage does not end the pass: lost frames are counted.

    Raises MediaUnreadableError if the frames are larger than MAX_PIXELS.
    """
    _require_decodable_size(video)
    video.thread_type = "AUTO"
    tally = DecodeTally(declared_frames=video.frames)
    for packet in _iter_packets(container, video):
        if packet.stream.type == "video":
            _count_packet(packet, tally)
        frames = _decode(packet)
        if frames is None:
            tally.lost_audio_packets += packet.stream.type == "audio"
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame):
                tally.samples += frame.samples
                on_sound(frame)
            elif isinstance(frame, VideoFrame) and not frame.is_corrupt:
                tally.display_times.append(tally.frames if frame.pts is None else frame.pts)
                tally.frames += 1
                on_picture(frame)
    return tally


@contextmanager
def open_regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Raises NoMediaFileError for anything else."""
    try:
        # Non-blocking, as opening a FIFO without a writer would wait forever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise NoMediaFileError(f"{path} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoMediaFileError(f"{path} is not a regular file")
    with os.fdopen(handle, "rb", buffering=0) as file:
        yield file


@contextmanager
def _open_container(file: IO[bytes], name: str, *, decodes: bool = True) -> Iterator[InputContainer]:
    # No protocol and no codec has this name, so nothing that a file refers to can be opened.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    if not decodes:
        options["codec_whitelist"] = "none"
    try:
        container = av.open(file, "r", options=options, buffer_size=1 << 18)
    except (av.FFmpegError, ValueError) as error:
        raise MediaUnreadableError(f"{name} is not a readable video file, or is cut off") from error
    with container:
        yield container


def _require_decodable_size(video: VideoStream) -> None:
    if video.width * video.height > MAX_PIXELS:
        raise MediaUnreadableError(
            f"Frames of {video.width}×{video.height} are larger than the {MAX_PIXELS} pixels that Tower decodes"
        )


def _iter_packets(container: InputContainer, video: VideoStream) -> Iterator[Packet[Stream]]:
    """Yield the packets of both tracks up to the first damage; `decode_all` counts the missing ones."""
    try:
        yield from container.demux(video, *container.streams.audio[:1])
    except av.FFmpegError:
        return


def _count_packet(packet: Packet[Stream], tally: DecodeTally) -> None:
    if not packet.size:
        return
    if packet.is_discard:
        tally.hidden_frames += 1
    else:
        tally.sent_times.append(len(tally.sent_times) if packet.pts is None else packet.pts)


def _decode(packet: Packet[Stream]) -> Sequence[object] | None:
    """Return the frames that this packet completes; None if it is damaged."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return None
