"""Playing a file from end to end, once and safely: every frame is handed to whoever looks, and counted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

# Containers that hold their media. Playlists (hls, dash, concat, image2, …) name other files and addresses.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
MAX_PIXELS = 8192 * 8192  # more is not a shot but a way to eat the memory


class MediaUnreadableError(TowerError):
    """A file that is no video, or not a whole one."""

    code = ErrorCode.MEDIA_UNREADABLE
    status = 422


class NoMediaFileError(MediaUnreadableError):
    """Not a regular local file at all: missing, forbidden, a folder, a FIFO, a device."""


@dataclass
class Tally:
    """What a pass over a file found. `times` and `sent` are presentation times in ticks of the video stream."""

    promised: int
    times: list[int] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    hidden: int = 0
    samples: int = 0
    sound_lost: int = 0
    frames: int = 0

    @property
    def total(self) -> int:
        """Frames that the file says or shows that it has, but for those that an edit list hides."""
        return max(self.promised - self.hidden, len(self.sent), self.frames)

    @property
    def lost(self) -> tuple[int, ...]:
        """The frames that do not decode, numbered from 0 in the order of showing."""
        shown = set(self.times)
        gone = [number for number, time in enumerate(sorted(self.sent)) if time not in shown]
        return (*gone, *range(len(self.sent), self.total)) if self.frames < self.total else ()

    @property
    def fault(self) -> str | None:
        if self.frames < self.total:
            return f"only {self.frames} of its {self.total} frames can be decoded"
        return f"{self.sound_lost} pieces of its sound cannot be decoded" if self.sound_lost else None


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A media file opened for reading: a regular local file in a known container, and nothing that it points to.

    Raises MediaUnreadableError.
    """
    # No protocol has this name: whatever a file refers to cannot be opened.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    with regular_file(path) as file:
        try:
            container = av.open(file, "r", options=options, buffer_size=1 << 18)
        except (av.FFmpegError, ValueError) as error:
            raise MediaUnreadableError(f"{path.name} is no video file that can be read, or a cut off one") from error
        with container:
            yield container


def play(
    container: InputContainer,
    video: VideoStream,
    *,
    on_picture: Callable[[VideoFrame], None],
    on_sound: Callable[[AudioFrame], None],
) -> Tally:
    """Decode the pictures and the first sound track, once. Damage does not end the pass: what is lost is counted.

    Raises MediaUnreadableError if the pictures are larger than may be decoded safely.
    """
    if video.width * video.height > MAX_PIXELS:
        raise MediaUnreadableError(f"Pictures of {video.width}×{video.height} are larger than Tower decodes")
    video.thread_type = "AUTO"
    tally = Tally(promised=video.frames)
    for packet in _packets(container, video):
        if packet.stream.type == "video":
            _note(packet, tally)
        frames = _frames(packet)
        if frames is None:
            tally.sound_lost += packet.stream.type == "audio"
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame):
                tally.samples += frame.samples
                on_sound(frame)
            elif isinstance(frame, VideoFrame) and not frame.is_corrupt:
                tally.times.append(tally.frames if frame.pts is None else frame.pts)
                tally.frames += 1
                on_picture(frame)
    return tally


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Opened for reading. Raises NoMediaFileError for all that is no regular local file."""
    try:
        # Non-blocking: opening a FIFO that nobody writes to would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise NoMediaFileError(f"{path} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoMediaFileError(f"{path} is not a regular file")
    with os.fdopen(handle, "rb", buffering=0) as file:
        yield file


def _packets(container: InputContainer, video: VideoStream) -> Iterator[Packet[Stream]]:
    """All packets of the two tracks. A file that breaks off here has fewer than it promised; play() counts."""
    try:
        yield from container.demux(video, *container.streams.audio[:1])
    except av.FFmpegError:
        return


def _note(packet: Packet[Stream], tally: Tally) -> None:
    if not packet.size:
        return
    if packet.is_discard:
        tally.hidden += 1
    else:
        tally.sent.append(len(tally.sent) if packet.pts is None else packet.pts)


def _frames(packet: Packet[Stream]) -> Sequence[object] | None:
    """The frames that this packet sets free; None if it is damaged."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return None
