"""Reads the tags and technical facts of a music file. The format follows from the content, not from the name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from tinytag import TinyTag, TinyTagException

from tower.media.decode import MediaUnreadableError

EXTENSIONS = frozenset({".mp3", ".m4a", ".flac", ".ogg", ".opus", ".wav"})
# Containers that hold their own sound. Playlist formats (hls, concat, …) can refer to other files and URLs.
CONTAINERS = "mp3,flac,ogg,wav,w64,mov,mp4,m4a,3gp,3g2,mj2"
MAX_TEXT_LENGTH = 500  # characters of a tag that are kept
MIN_BPM, MAX_BPM = 20.0, 400.0
R128_TO_REPLAYGAIN_DB = 5.0  # the reference is −23 LUFS in R 128 and −18 LUFS in ReplayGain 2
TAIL_S = 5.0  # length of the end that is read
MIN_BIT_RATE = 16_000  # bits per second; below that the packets are counted instead of trusting the header
MIN_COMPLETE_SHARE = 0.98  # share of the declared length


@dataclass(frozen=True)
class TrackFacts:
    """The tags and technical facts of a music file.

    `bitrate` is in bits per second, `gain_db` as in ReplayGain. `fault`: the damage of a file that plays nevertheless.
    """

    kind: str
    codec: str
    duration_s: float
    sample_rate: int
    channels: int
    bitrate: int | None
    fault: str | None
    title: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    genre: str | None
    bpm: float | None
    gain_db: float | None


def read_facts(file: IO[bytes], name: str, size_bytes: int) -> TrackFacts:
    """Read the head of a file, and its end to see whether it is complete.

    `name` is for messages only. Raises MediaUnreadableError for an empty or damaged file, a video, or no sound.
    """
    if not size_bytes:
        raise MediaUnreadableError(f"{name} is empty")
    with open_music(file, name) as container:
        stream = find_audio_stream(container, name)
        codec = stream.codec_context
        declared_s = _declared_s(container, stream)
        duration, fault = _measure_s(container, stream, declared_s, size_bytes)
        fault = fault or _riff_fault(file, size_bytes)
        tags = _tags(container, stream)
        kind = _kind(container, codec.name)
        bitrate = codec.bit_rate or stream.bit_rate or container.bit_rate or None
        rate, channels = codec.sample_rate, codec.channels
    if not duration or not rate or not channels:
        raise MediaUnreadableError(f"{name} holds no sound that can be played")
    if kind == "m4a":
        tags |= _m4a_tags(file, name)
    return TrackFacts(
        kind=kind,
        codec=codec.codec.canonical_name,
        duration_s=round(duration, 3),
        sample_rate=rate,
        channels=channels,
        bitrate=bitrate if not fault else round(size_bytes * 8 / duration),
        fault=fault,
        title=_text(tags, "title"),
        artist=_text(tags, "artist"),
        album=_text(tags, "album"),
        album_artist=_text(tags, "album_artist", "albumartist"),
        genre=_text(tags, "genre"),
        bpm=_bpm(tags),
        gain_db=_gain_db(tags),
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


def _declared_s(container: InputContainer, stream: AudioStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _measure_s(
    container: InputContainer, stream: AudioStream, declared_s: float, size_bytes: int
) -> tuple[float, str | None]:
    """The length of the sound, and the fault if the header is wrong about it."""
    bits = stream.codec_context.bit_rate or stream.bit_rate or 0
    too_long = declared_s * max(bits, MIN_BIT_RATE) / 8 > size_bytes * 1.05
    try:
        if too_long or not declared_s:
            found = _count_packets_s(container, stream)
        elif "mp3" in container.format.name:
            return declared_s, None  # the size fits; a seek in an mp3 only guesses
        else:
            found = _last_packet_end_s(container, stream, declared_s)
    except av.FFmpegError as error:
        return declared_s, f"damaged: {error.strerror}"
    if declared_s and found < declared_s * MIN_COMPLETE_SHARE - 0.1:
        return found, f"cut off: its header says {declared_s:.0f} s, its sound ends after {found:.1f} s"
    return declared_s or found, None


def _riff_fault(file: IO[bytes], size_bytes: int) -> str | None:
    """The fault of a truncated wav, which FFmpeg accepts silently.

    A declared size of 0 or of all ones means that the writer did not know it.
    """
    file.seek(0)
    head = file.read(8)
    declared_bytes = int.from_bytes(head[4:], "little") + 8
    if head[:4] != b"RIFF" or declared_bytes in (8, 2**32 + 7) or declared_bytes <= size_bytes + 1:
        return None
    return f"cut off: its header says {declared_bytes} bytes, it has {size_bytes}"


def _count_packets_s(container: InputContainer, stream: AudioStream) -> float:
    """The length by counting all packets. Such a file is small, so this is fast."""
    ticks = sum(packet.duration or 0 for packet in container.demux(stream) if packet.size)
    return float(ticks * (stream.time_base or 0))


def _last_packet_end_s(container: InputContainer, stream: AudioStream, declared_s: float) -> float:
    base = stream.time_base or 0
    start = stream.start_time or 0
    container.seek(max(0, int((declared_s - TAIL_S) / base)) + start, stream=stream)
    ends = [packet.pts + (packet.duration or 0) for packet in container.demux(stream) if packet.pts is not None]
    return float((max(ends, default=start) - start) * base)


def _kind(container: InputContainer, codec: str) -> str:
    name = container.format.name
    if name == "ogg":
        return "opus" if codec == "opus" else "ogg"
    known = {"mp3": "mp3", "flac": "flac", "wav": "wav", "w64": "wav"}
    return known.get(name, "m4a")


def _tags(container: InputContainer, stream: AudioStream) -> dict[str, str]:
    return {name.casefold(): text for name, text in (*stream.metadata.items(), *container.metadata.items())}


def _m4a_tags(file: IO[bytes], name: str) -> dict[str, str]:
    """The tags that FFmpeg leaves out: the tempo, and tags with custom names."""
    file.seek(0)
    try:
        more = TinyTag.get(name, file_obj=file, duration=False).other  # type: ignore[arg-type] # any binary file does
    except (TinyTagException, ValueError, LookupError, OverflowError):
        return {}  # FFmpeg can read the file, so only the tempo stays unknown
    return {key.casefold(): str(texts[0]) for key, texts in more.items() if texts}


def _text(tags: Mapping[str, str], *names: str) -> str | None:
    """The first of these tags that is set, without unprintable characters and extra spaces."""
    found = next((tags[name] for name in names if tags.get(name)), "")
    printable = "".join(character if character.isprintable() else " " for character in found)
    return " ".join(printable.split())[:MAX_TEXT_LENGTH] or None


def _bpm(tags: Mapping[str, str]) -> float | None:
    found = (_number(tags[name]) for name in ("tbpm", "bpm", "tmpo", "tempo") if tags.get(name))
    return next((bpm for bpm in found if bpm is not None and MIN_BPM <= bpm <= MAX_BPM), None)


def _gain_db(tags: Mapping[str, str]) -> float | None:
    """The ReplayGain of a track in dB, from a tag like `-6.1 dB` or an R128 tag in Q7.8."""
    if (gain := _number(tags.get("replaygain_track_gain", ""))) is not None:
        return gain if abs(gain) < 100 else None
    r128 = _number(tags.get("r128_track_gain", ""))
    return round(r128 / 256 + R128_TO_REPLAYGAIN_DB, 2) if r128 is not None and abs(r128) < 2**15 else None


def _number(text: str) -> float | None:
    found = re.match(r"\s*([+-]?\d{1,9}(?:[.,]\d{1,9})?)", text)
    return float(found[1].replace(",", ".")) if found else None
