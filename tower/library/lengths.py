"""Measures how long the sound of a music file is, and says where its header is wrong about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from db.engine import SessionFactory
from db.models.library import Track
from tower.library.mp3 import measure_frames

TAIL_S = 5.0  # length of the end that is read
MIN_BIT_RATE = 16_000  # bits per second; below that the packets are counted instead of trusting the header
MIN_COMPLETE_SHARE = 0.98  # share of the declared length
TOLERANCE_S = 0.1  # encoders add as much before and after the sound
MP3_PADDING_S = 0.2  # delay and padding that an mp3 header takes off


@dataclass(frozen=True)
class SoundLength:
    """The length of the sound. `fault` says how its header is wrong, or how the file is damaged."""

    seconds: float
    fault: str | None = None


def measure_length(container: InputContainer, stream: AudioStream, file: IO[bytes], *, size_bytes: int) -> SoundLength:
    """Measure without decoding. The frames of an mp3 are counted, because its header may be missing or wrong."""
    declared_s = _declared_s(container, stream)
    if declared_s < 0:  # the header takes off more than there is
        return SoundLength(0.0)
    try:
        if "mp3" in container.format.name:
            return _mp3_length(container, stream, file, declared_s)
        bits = stream.codec_context.bit_rate or stream.bit_rate or 0
        too_long = declared_s * max(bits, MIN_BIT_RATE) / 8 > size_bytes * 1.05
        whole = too_long or not declared_s
        found = _packets_end_s(container, stream, after_s=0 if whole else declared_s - TAIL_S)
    except av.FFmpegError:
        return SoundLength(declared_s, "damaged: its packets cannot be read to the end")
    if fault := describe_difference(declared_s, found):
        return SoundLength(found, fault)
    return SoundLength(declared_s or found, _riff_fault(file, size_bytes))


def describe_difference(declared_s: float, found_s: float) -> str | None:
    """The fault of a header that says another length than the sound has; None if both agree."""
    if declared_s and found_s < declared_s * MIN_COMPLETE_SHARE - TOLERANCE_S:
        return f"cut off: its header says {declared_s:.0f} s, its sound ends after {found_s:.1f} s"
    if declared_s and found_s * MIN_COMPLETE_SHARE - TOLERANCE_S > declared_s:
        return f"its header says {declared_s:.0f} s, its sound lasts {found_s:.1f} s"
    return None


def save_decoded_length(sessions: SessionFactory, track_id: int, *, sha256: str, decoded_s: float) -> None:
    """Correct the length of a track once its sound was decoded, unless its file has changed since."""
    if decoded_s <= 0:
        return
    with sessions.begin() as session:
        track = session.get(Track, track_id)
        if track is None or track.sha256 != sha256 or abs(track.duration_s - decoded_s) < 0.0015:
            return
        track.fault = track.fault or describe_difference(track.duration_s, decoded_s)
        track.duration_s = round(decoded_s, 3)


def _declared_s(container: InputContainer, stream: AudioStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _mp3_length(container: InputContainer, stream: AudioStream, file: IO[bytes], declared_s: float) -> SoundLength:
    position = file.tell()
    frames_s, is_counted = measure_frames(file)
    file.seek(position)
    delay_s = float((stream.start_time or 0) * (stream.time_base or 0))
    found = frames_s - delay_s if frames_s else _packets_end_s(container, stream, after_s=0)
    if is_counted and -MP3_PADDING_S < declared_s - found < TOLERANCE_S:
        return SoundLength(declared_s)
    return SoundLength(found, describe_difference(declared_s, found) if is_counted else None)


def _packets_end_s(container: InputContainer, stream: AudioStream, *, after_s: float) -> float:
    """The end of the last packet. Adding up their durations would lose time: those of Vorbis are inexact."""
    base = stream.time_base or 0
    start = stream.start_time or 0
    if after_s > 0 and base:
        container.seek(int(after_s / base) + start, stream=stream)
    end = start
    for packet in container.demux(stream):
        if packet.pts is not None:
            end = max(end, packet.pts + (packet.duration or 0))
    return float((end - start) * base)


def _riff_fault(file: IO[bytes], size_bytes: int) -> str | None:
    """The fault of a truncated wav, which FFmpeg accepts silently.

    A declared size of 0 or of all ones means that the writer did not know it.
    """
    position = file.tell()
    file.seek(0)
    head = file.read(8)
    file.seek(position)
    declared_bytes = int.from_bytes(head[4:], "little") + 8
    if head[:4] != b"RIFF" or declared_bytes in (8, 2**32 + 7) or declared_bytes <= size_bytes + 1:
        return None
    return f"cut off: its header says {declared_bytes} bytes, it has {size_bytes}"
