"""Writes the music of the result: a part of a track, exact to the sample, with level and fades, as AAC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from tower.beats.sound import CONTAINER_FORMATS
from tower.media.decode import MediaUnreadableError, open_regular_file
from tower.media.roots import open_media

RATE_HZ = 48_000
CHUNK_SAMPLES = 1024  # samples of an AAC frame
BIT_RATE = 192_000  # bits per second
Samples = NDArray[np.float32]  # 2 × n, −1…1


class NoSoundError(MediaUnreadableError):
    """The file can be read and has no track of sound."""


@dataclass(frozen=True)
class MusicExcerpt:
    """The music of a video.

    `offset_s`: the start in the track. `duration_s`: the length to use; None is the length of the video. `volume` is
    0–1, applied after the loudness is normalised. `roots`: the folders that may hold the file, if a request named it.
    """

    path: Path
    offset_s: float = 0.0
    duration_s: float | None = None
    volume: float = 1.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    roots: Sequence[Path] = ()


def read_samples(music: MusicExcerpt, video_duration_s: float) -> Iterator[Samples]:
    """The used part of the track in stereo at RATE_HZ, in pieces of any length.

    The track is decoded from its start, because seeking in an mp3 is not exact. Time 0 is the first sample that
    decodes, as in the analysis of beats. Raises MediaUnreadableError.
    """
    first = round(music.offset_s * RATE_HZ)
    past = first + _used(music, video_duration_s)
    at = 0
    for samples in decode_stereo(music):
        begins, at = at, at + samples.shape[1]
        if at > first:
            yield samples[:, max(0, first - begins) : past - begins]
        if at >= past:
            return
    if not at:
        raise MediaUnreadableError(f"{music.path.name} holds no sound that can be decoded")


def encode_music(
    music: MusicExcerpt, video_duration_s: float, *, gain: float, out: OutputContainer
) -> Iterator[Packet[AudioStream]]:
    """AAC packets for a stream that is added to `out` immediately. Silence follows music that ends before the video.

    `gain` is a factor.
    """
    stream = out.add_stream("aac", rate=RATE_HZ, layout="stereo")
    stream.bit_rate = BIT_RATE
    return _encoded(_chunks(_faded(music, video_duration_s, gain), round(video_duration_s * RATE_HZ)), stream)


def _used(music: MusicExcerpt, whole_s: float) -> int:
    return round(min(whole_s, music.duration_s or whole_s) * RATE_HZ)


def _faded(music: MusicExcerpt, whole_s: float, gain: float) -> Iterator[Samples]:
    """The samples with level and linear fades. The fade-out ends with the used part."""
    used, at = _used(music, whole_s), 0
    rise, fall = max(music.fade_in_s * RATE_HZ, 1e-9), max(music.fade_out_s * RATE_HZ, 1e-9)
    for samples in read_samples(music, whole_s):
        numbers = np.arange(at, at + samples.shape[1])
        envelope = np.clip(np.minimum(numbers / rise if music.fade_in_s else 1.0, (used - numbers) / fall), 0, 1)
        yield (samples * (envelope * gain * music.volume)).astype(np.float32)
        at += samples.shape[1]


def _chunks(pieces: Iterator[Samples], total: int) -> Iterator[Samples]:
    """Pieces of CHUNK_SAMPLES, padded with silence up to `total`."""
    rest = np.zeros((2, 0), np.float32)
    sent = 0
    for piece in pieces:
        rest = np.concatenate([rest, piece], axis=1)
        while rest.shape[1] >= CHUNK_SAMPLES:
            yield rest[:, :CHUNK_SAMPLES]
            rest, sent = rest[:, CHUNK_SAMPLES:], sent + CHUNK_SAMPLES
    while sent < total:
        count = min(CHUNK_SAMPLES, total - sent)
        yield np.pad(rest[:, :count], ((0, 0), (0, max(0, count - rest.shape[1]))))
        rest, sent = rest[:, count:], sent + count


def _encoded(chunks: Iterator[Samples], stream: AudioStream) -> Iterator[Packet[AudioStream]]:
    at = 0
    for chunk in chunks:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(chunk), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, at, Fraction(1, RATE_HZ)
        at += chunk.shape[1]
        yield from stream.encode(frame)
    yield from stream.encode(None)


def decode_stereo(music: MusicExcerpt) -> Iterator[Samples]:
    """The whole track in stereo at RATE_HZ, in pieces of any length. A mono track has its level on both sides."""
    with _opened(music) as container:
        resampler, form = _resampler(is_mono=False), None
        for frame in _frames(container):
            frame.pts = None
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            if form not in (None, now):
                yield from map(_array, resampler.resample(None))
            if form != now:
                resampler = _resampler(is_mono=frame.layout.nb_channels == 1)
            form = now
            yield from map(_array, resampler.resample(frame))
        if form is not None:
            yield from map(_array, resampler.resample(None))


def _resampler(*, is_mono: bool) -> AudioResampler:
    """A resampler to RATE_HZ that keeps one channel: FFmpeg makes two of it 3 dB quieter."""
    return AudioResampler(format="fltp", layout="mono" if is_mono else "stereo", rate=RATE_HZ)


def _array(frame: AudioFrame) -> Samples:
    samples = np.asarray(frame.to_ndarray(), np.float32)
    return np.repeat(samples, 2, axis=0) if len(samples) == 1 else samples


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """The frames that decode. Damage is skipped as in the analysis of beats, so that times agree."""
    try:
        for packet in container.demux(container.streams.audio[0]):
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                continue
            yield from (frame for frame in decoded if isinstance(frame, AudioFrame))
    except av.FFmpegError:
        return


@contextmanager
def _opened(music: MusicExcerpt) -> Iterator[InputContainer]:
    options = {"format_whitelist": CONTAINER_FORMATS, "protocol_whitelist": "none"}
    name = music.path.name
    with open_media(music.path, roots=music.roots) if music.roots else open_regular_file(music.path) as file:
        try:
            container = av.open(
                _UnnamedFile(file), "r", options=options, metadata_errors="replace", buffer_size=1 << 18
            )
        except (av.FFmpegError, ValueError, UnicodeError) as error:
            raise MediaUnreadableError(f"{name} is not a readable sound file, or it is truncated") from error
        with container:
            if not container.streams.audio:
                raise NoSoundError(f"{name} holds no sound")
            yield container


class _UnnamedFile:
    """A file without its name, so that FFmpeg does not choose the format by a wrong extension."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
