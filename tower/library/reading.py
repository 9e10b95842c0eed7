"""What a file of music says of itself: tags and technical facts, by its content and not by its name."""

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

ENDINGS = frozenset({".mp3", ".m4a", ".flac", ".ogg", ".opus", ".wav"})
# Containers that hold their sound. Playlists (hls, concat, …) name other files and addresses.
CONTAINERS = "mp3,flac,ogg,wav,w64,mov,mp4,m4a,3gp,3g2,mj2"
LONGEST_TEXT = 500  # characters of a tag that are kept
SLOWEST_BPM, FASTEST_BPM = 20.0, 400.0
R128_TO_REPLAYGAIN_DB = 5.0  # its reference is −23 LUFS, that of ReplayGain 2 −18
TAIL_S = 5.0
FEWEST_BITS = 16_000  # a second; a header that promises so long a sound of so few bytes is counted
CUT_OFF = 0.98  # of the promised length


@dataclass(frozen=True)
class Facts:
    """`bitrate` in bits a second, `gain_db` as ReplayGain. `fault`: what is wrong with a file that plays anyhow."""

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


def read(file: IO[bytes], name: str, size_bytes: int) -> Facts:
    """Reads the head of the file and, to see whether it is whole, its end.

    `name` is only for messages. Raises MediaUnreadableError: empty, no sound, moving pictures, damaged.
    """
    if not size_bytes:
        raise MediaUnreadableError(f"{name} is empty")
    with opened_music(file, name) as container:
        stream = sound_of(container, name)
        codec = stream.codec_context
        promised = _promised_s(container, stream)
        duration, fault = _real_s(container, stream, promised, size_bytes)
        fault = fault or _shorter_than_riff(file, size_bytes)
        tags = _tags(container, stream)
        kind = _kind(container, codec.name)
        bitrate = codec.bit_rate or stream.bit_rate or container.bit_rate or None
        rate, channels = codec.sample_rate, codec.channels
    if not duration or not rate or not channels:
        raise MediaUnreadableError(f"{name} holds no sound that can be played")
    if kind == "m4a":
        tags |= _m4a_tags(file, name)
    return Facts(
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


def opened_music(file: IO[bytes], name: str) -> InputContainer:
    """To be closed by the caller. Raises MediaUnreadableError."""
    # No protocol has this name: whatever a file refers to cannot be opened.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    try:
        return av.open(_Nameless(file), "r", options=options, metadata_errors="replace", buffer_size=1 << 16)
    except (av.FFmpegError, ValueError) as error:
        raise MediaUnreadableError(f"{name} is no music file that can be read, or a cut off one") from error


class _Nameless:
    """What of a file FFmpeg may use. Not its name: an ending that lies must not choose the format."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def sound_of(container: InputContainer, name: str) -> AudioStream:
    """The first sound track. Raises MediaUnreadableError if there is none, or moving pictures beside it."""
    if any(not video.disposition & Disposition.attached_pic for video in container.streams.video):
        raise MediaUnreadableError(f"{name} holds moving pictures: it is a video, not a track")
    if not container.streams.audio:
        raise MediaUnreadableError(f"{name} holds no sound")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise MediaUnreadableError(f"{name} holds sound in a form that nobody knows")
    return stream


def _promised_s(container: InputContainer, stream: AudioStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _real_s(
    container: InputContainer, stream: AudioStream, promised_s: float, size_bytes: int
) -> tuple[float, str | None]:
    """How long the sound is, and what the header says wrongly of that."""
    bits = stream.codec_context.bit_rate or stream.bit_rate or 0
    too_long = promised_s * max(bits, FEWEST_BITS) / 8 > size_bytes * 1.05
    try:
        if too_long or not promised_s:
            found = _counted_s(container, stream)
        elif "mp3" in container.format.name:
            return promised_s, None  # its size fits; a seek would only guess
        else:
            found = _end_s(container, stream, promised_s)
    except av.FFmpegError as broken:
        return promised_s, f"damaged: {broken.strerror}"
    if promised_s and found < promised_s * CUT_OFF - 0.1:
        return found, f"cut off: its header says {promised_s:.0f} s, its sound ends after {found:.1f} s"
    return promised_s or found, None


def _shorter_than_riff(file: IO[bytes], size_bytes: int) -> str | None:
    """FFmpeg takes a wav that is cut off as it is. Sizes of 0 and of all ones mean: not known when it was written."""
    file.seek(0)
    head = file.read(8)
    said = int.from_bytes(head[4:], "little") + 8
    if head[:4] != b"RIFF" or said in (8, 2**32 + 7) or said <= size_bytes + 1:
        return None
    return f"cut off: its header says {said} bytes, it has {size_bytes}"


def _counted_s(container: InputContainer, stream: AudioStream) -> float:
    """Over all packets: such a file is small for what it promises."""
    ticks = sum(packet.duration or 0 for packet in container.demux(stream) if packet.size)
    return float(ticks * (stream.time_base or 0))


def _end_s(container: InputContainer, stream: AudioStream, promised_s: float) -> float:
    base = stream.time_base or 0
    start = stream.start_time or 0
    container.seek(max(0, int((promised_s - TAIL_S) / base)) + start, stream=stream)
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
    """What FFmpeg leaves out: the tempo, and tags of a name of their own."""
    file.seek(0)
    try:
        more = TinyTag.get(name, file_obj=file, duration=False).other  # type: ignore[arg-type] # any binary file does
    except (TinyTagException, ValueError, LookupError, OverflowError):
        return {}  # FFmpeg could read it; only its tempo stays unknown
    return {key.casefold(): str(texts[0]) for key, texts in more.items() if texts}


def _text(tags: Mapping[str, str], *names: str) -> str | None:
    """Without what no table and no page can hold."""
    found = next((tags[name] for name in names if tags.get(name)), "")
    shown = "".join(character if character.isprintable() else " " for character in found)
    return " ".join(shown.split())[:LONGEST_TEXT] or None


def _bpm(tags: Mapping[str, str]) -> float | None:
    found = (_number(tags[name]) for name in ("tbpm", "bpm", "tmpo", "tempo") if tags.get(name))
    return next((bpm for bpm in found if bpm is not None and SLOWEST_BPM <= bpm <= FASTEST_BPM), None)


def _gain_db(tags: Mapping[str, str]) -> float | None:
    """`-6.1 dB`, or R128 in Q7.8."""
    if (gain := _number(tags.get("replaygain_track_gain", ""))) is not None:
        return gain if abs(gain) < 100 else None
    r128 = _number(tags.get("r128_track_gain", ""))
    return round(r128 / 256 + R128_TO_REPLAYGAIN_DB, 2) if r128 is not None and abs(r128) < 2**15 else None


def _number(text: str) -> float | None:
    found = re.match(r"\s*([+-]?\d{1,9}(?:[.,]\d{1,9})?)", text)
    return float(found[1].replace(",", ".")) if found else None
