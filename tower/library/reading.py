"""Reads the tags and technical facts of a music file. The format follows from the content, not from the name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from tower.library.lengths import measure_length
from tower.library.tags import TrackTags, read_tags
from tower.media.decode import MediaUnreadableError

EXTENSIONS = frozenset({".mp3", ".m4a", ".flac", ".ogg", ".opus", ".wav"})
# Containers that hold their own sound. Playlist formats (hls, concat, …) can refer to other files and URLs.
CONTAINERS = "mp3,flac,ogg,wav,w64,mov,mp4,m4a,3gp,3g2,mj2"


@dataclass(frozen=True)
class TrackFacts:
    """The tags and technical facts of a music file.

    `bitrate` is in bits per second. `fault`: the damage of a file that plays nevertheless.
    """

    kind: str
    codec: str
    duration_s: float
    sample_rate: int
    channels: int
    bitrate: int | None
    fault: str | None
    tags: TrackTags


def read_facts(file: IO[bytes], name: str, size_bytes: int) -> TrackFacts:
    """Read the head of a file, and its end to see whether it is complete.

    `name` is for messages only. Raises MediaUnreadableError for an empty or damaged file, a video, or no sound.
    """
    if not size_bytes:
        raise MediaUnreadableError(f"{name} is empty")
    with open_music(file, name) as container:
        stream = find_audio_stream(container, name)
        codec = stream.codec_context
        kind = _kind(container, codec.name)
        tags = {key.casefold(): text for key, text in (*stream.metadata.items(), *container.metadata.items())}
        bitrate = codec.bit_rate or stream.bit_rate or container.bit_rate or None
        rate, channels = codec.sample_rate, codec.channels
        length = measure_length(container, stream, file, size_bytes=size_bytes)
    if length.seconds <= 0 or not rate or not channels:
        raise MediaUnreadableError(f"{name} holds no sound that can be played")
    return TrackFacts(
        kind=kind,
        codec=codec.codec.canonical_name,
        duration_s=round(length.seconds, 3),
        sample_rate=rate,
        channels=channels,
        bitrate=bitrate if not length.fault else round(size_bytes * 8 / length.seconds),
        fault=length.fault,
        tags=read_tags(file, kind=kind, size_bytes=size_bytes, joined=tags),
    )


def open_music(file: IO[bytes], name: str) -> InputContainer:
    """Open a music file; the caller closes it. Raises MediaUnreadableError."""
    # There is no protocol "none": FFmpeg cannot open anything that the file refers to.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    try:
        return av.open(_UnnamedFile(file), "r", options=options, metadata_errors="replace", buffer_size=1 << 16)
    except (av.FFmpegError, ValueError) as error:
        raise MediaUnreadableError(f"{name} is not a readable music file, or it is truncated") from error


class _UnnamedFile:
    """A file without its name, so that FFmpeg does not choose the format by a wrong extension."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def find_audio_stream(container: InputContainer, name: str) -> AudioStream:
    """The first audio stream. Raises MediaUnreadableError if there is none, or if the file is a video."""
    if any(not video.disposition & Disposition.attached_pic for video in container.streams.video):
        raise MediaUnreadableError(f"{name} holds moving pictures: it is a video, not a track")
    if not container.streams.audio:
        raise MediaUnreadableError(f"{name} holds no sound")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise MediaUnreadableError(f"{name} holds sound in an unknown codec")
    return stream


def _kind(container: InputContainer, codec: str) -> str:
    name = container.format.name
    if name == "ogg":
        return "opus" if codec == "opus" else "ogg"
    known = {"mp3": "mp3", "flac": "flac", "wav": "wav", "w64": "wav"}
    return known.get(name, "m4a")
