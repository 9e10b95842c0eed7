"""The first sound track of a file as mono samples, piece by piece: a file of hours takes no more memory than a song."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from numpy.typing import NDArray

from tower.media.decode import MediaUnreadableError, regular_file

RATE_HZ = 22_050
PIECE_SAMPLES = 1 << 17  # 6 s
JOINED_SAMPLES = 1 << 15
LONGEST_S = 4 * 3600
# Containers that hold their sound. Playlists name other files and addresses.
CONTAINERS = "mp3,flac,ogg,wav,w64,aiff,caf,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"

Samples = NDArray[np.float32]


@dataclass
class Sound:
    """A sound track being read. `rate_hz` is the file's own, `samples` counts those at RATE_HZ that came out so far."""

    name: str
    rate_hz: int
    samples: int = 0
    damaged: int = 0

    @property
    def duration_s(self) -> float:
        return self.samples / RATE_HZ


@contextmanager
def reading(source: Path | IO[bytes], *, name: str | None = None) -> Iterator[tuple[Sound, Iterator[Samples]]]:
    """The sound and its pieces, −1…1 at RATE_HZ, each of PIECE_SAMPLES but the last.

    Raises MediaUnreadableError, at once or from the iterator: no sound, nothing decodes, longer than LONGEST_S.
    """
    if isinstance(source, Path):
        with regular_file(source) as file, reading(file, name=name) as both:
            yield both
        return
    name = name or Path(str(getattr(source, "name", "The file"))).name
    # No protocol has this name: whatever a file refers to cannot be opened.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    try:
        container = av.open(_Nameless(source), "r", options=options, metadata_errors="replace", buffer_size=1 << 18)
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise MediaUnreadableError(f"{name} is no sound file that can be read, or a cut off one") from error
    with container:
        if not container.streams.audio:
            raise MediaUnreadableError(f"{name} holds no sound")
        codec = container.streams.audio[0].codec_context
        if codec is None:  # PyAV's types do not say so: FFmpeg has no decoder for it
            raise MediaUnreadableError(f"{name} holds sound in a form that nothing here decodes")
        sound = Sound(name, codec.sample_rate)
        yield sound, _pieces(container, sound)


def ahead(pieces: Iterator[Samples], *, most: int = 2) -> Generator[Samples]:
    """The same pieces, read by a thread while the caller works on those before: FFmpeg lets go of Python's lock."""
    waiting: queue.Queue[Samples | BaseException | None] = queue.Queue(maxsize=most)
    given_up = threading.Event()

    def read() -> None:
        ending: BaseException | None = None
        try:
            for piece in pieces:
                waiting.put(piece)
                if given_up.is_set():
                    return
        except BaseException as error:  # raised below, where the pieces are taken
            ending = error
        waiting.put(ending)

    thread = threading.Thread(target=read, name="sound")
    thread.start()
    try:
        while isinstance(piece := waiting.get(), np.ndarray):
            yield piece
        if piece is not None:
            raise piece
    finally:
        given_up.set()
        while thread.is_alive():
            with suppress(queue.Empty):
                waiting.get(timeout=0.01)
        thread.join()


class _Nameless:
    """What of a file FFmpeg may use. Not its name: an ending that lies must not choose the format."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _pieces(container: InputContainer, sound: Sound) -> Iterator[Samples]:
    waiting: list[Samples] = []
    held = 0
    for samples in _mono(container, sound):
        waiting.append(samples)
        held += len(samples)
        if held >= PIECE_SAMPLES:
            whole = np.concatenate(waiting)
            cut = held - held % PIECE_SAMPLES
            yield whole[:cut]
            waiting, held = [whole[cut:]], held - cut
    if held:
        yield np.concatenate(waiting)
    if not sound.samples:
        raise MediaUnreadableError(f"{sound.name} holds no sound that can be decoded")


def _mono(container: InputContainer, sound: Sound) -> Iterator[Samples]:
    for run in _runs(container, sound):
        samples = np.asarray(run.to_ndarray().reshape(-1), np.float32)
        sound.samples += len(samples)
        if sound.samples > LONGEST_S * RATE_HZ:
            raise MediaUnreadableError(f"{sound.name} is longer than {LONGEST_S // 3600} hours; cut out what is needed")
        yield samples


def _runs(container: InputContainer, sound: Sound) -> Iterator[AudioFrame]:
    """Resampled frames. A stream may change its form on the way: then another resampler takes over."""
    resampler, form = _resampler(), None
    for frame in _joined(_frames(container, sound)):
        now = _form(frame)
        if form not in (None, now):
            yield from resampler.resample(None)
            resampler = _resampler()
        form = now
        yield from resampler.resample(frame)
    if form is not None:
        yield from resampler.resample(None)


def _joined(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Longer frames of the same sound: a call of the resampler costs more than the samples of a short one."""
    waiting: list[AudioFrame] = []
    held = 0
    for frame in frames:
        if waiting and (held >= JOINED_SAMPLES or _form(frame) != _form(waiting[0])):
            yield _one(waiting)
            waiting, held = [], 0
        waiting.append(frame)
        held += frame.samples
    if waiting:
        yield _one(waiting)


def _one(frames: list[AudioFrame]) -> AudioFrame:
    whole = frames[0]
    if len(frames) > 1:
        samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
        whole = AudioFrame.from_ndarray(samples, frames[0].format.name, frames[0].layout.name)
        whole.sample_rate = frames[0].sample_rate
    whole.pts = None
    return whole


def _form(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _resampler() -> AudioResampler:
    return AudioResampler(format="flt", layout="mono", rate=RATE_HZ)


def _frames(container: InputContainer, sound: Sound) -> Iterator[AudioFrame]:
    """What decodes of the track; damaged packets are counted, and the rest of a file that breaks off is not there."""
    try:
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                sound.damaged += 1
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))
    except av.FFmpegError:
        sound.damaged += 1
