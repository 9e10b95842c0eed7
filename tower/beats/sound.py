"""Reads the first sound track of a file as mono samples, in pieces, so that memory does not grow with its length."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.filter import Graph
from numpy.typing import NDArray

from tower.media.decode import MediaUnreadableError, open_regular_file

RATE_HZ = 22_050
PIECE_SAMPLES = 1 << 17  # 6 s
BATCH_SAMPLES = 1 << 16  # of the file, handed from the decoding thread to the resampler at once
RESAMPLER_TAPS = 16  # taps of the resampler: half of the default, which is enough for the analysed range
MAX_DURATION_S = 4 * 3600
# Containers that hold their own sound. Playlists refer to other files and addresses.
CONTAINER_FORMATS = "mp3,flac,ogg,wav,w64,aiff,caf,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"

Samples = NDArray[np.float32]
Batch = list[AudioFrame]


@dataclass
class SoundStream:
    """A sound track being read. `rate_hz` is the file's own; `samples` counts those at RATE_HZ so far."""

    name: str
    rate_hz: int
    samples: int = 0
    damaged_packets: int = 0

    @property
    def duration_s(self) -> float:
        return self.samples / RATE_HZ


@contextmanager
def open_sound(source: Path | IO[bytes], *, name: str | None = None) -> Iterator[tuple[SoundStream, Iterator[Samples]]]:
    """Open the sound and its pieces, −1…1 at RATE_HZ.

    Each piece has PIECE_SAMPLES, except for the last and those before a change of the format. Raises
    MediaUnreadableError, at once or from the iterator, if there is no sound, nothing decodes, or it is longer than
    MAX_DURATION_S.
    """
    if isinstance(source, Path):
        with open_regular_file(source) as file, open_sound(file, name=name) as both:
            yield both
        return
    name = name or Path(str(getattr(source, "name", "The file"))).name
    # No protocol has this name, so that references to other files cannot be opened.
    options = {"format_whitelist": CONTAINER_FORMATS, "protocol_whitelist": "none"}
    try:
        container = av.open(_UnnamedFile(source), "r", options=options, metadata_errors="replace", buffer_size=1 << 18)
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise MediaUnreadableError(f"{name} is not a readable sound file, or it is truncated") from error
    with container:
        if not container.streams.audio:
            raise MediaUnreadableError(f"{name} holds no sound")
        codec = container.streams.audio[0].codec_context
        if codec is None:  # PyAV's types do not say so: FFmpeg has no decoder for it
            raise MediaUnreadableError(f"{name} holds sound in a format without a decoder")
        sound = SoundStream(name, codec.sample_rate)
        with closing(_pieces(container, sound)) as pieces:
            yield sound, pieces


class _UnnamedFile:
    """A file without its name, so that FFmpeg does not choose the format by a wrong extension."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _pieces(container: InputContainer, sound: SoundStream) -> Generator[Samples]:
    with closing(_read_ahead(_batches(_frames(container, sound)))) as batches:
        for samples in _resample(batches):
            sound.samples += len(samples)
            if sound.samples > MAX_DURATION_S * RATE_HZ:
                hours = MAX_DURATION_S // 3600
                raise MediaUnreadableError(
                    f"{sound.name} is longer than {hours} hours; cut out the part that is needed"
                )
            yield samples
    if not sound.samples:
        raise MediaUnreadableError(f"{sound.name} holds no sound that can be decoded")


def _resample(batches: Iterator[Batch]) -> Iterator[Samples]:
    """The resampled batches. If the stream changes its format on the way, another resampler takes over."""
    resampler = None
    for batch in batches:
        if resampler is None or resampler.form != _form(batch[0]):
            yield from resampler.rest() if resampler else ()
            resampler = _Resampler(_form(batch[0]))
        yield from resampler.pieces(batch)
    yield from resampler.rest() if resampler else ()


class _Resampler:
    """Turns frames of one format into mono pieces of PIECE_SAMPLES at RATE_HZ. A call per frame would cost more."""

    def __init__(self, form: tuple[str, str, int]) -> None:
        self.form = form
        sample_format, layout, rate_hz = form
        self._graph = graph = Graph()  # kept alive here, because its ends do not refer to it
        self._in = graph.add_abuffer(
            format=sample_format, layout=layout, sample_rate=rate_hz, time_base=Fraction(1, rate_hz)
        )
        self._out = graph.add("abuffersink")
        resampling = graph.add("aresample", f"{RATE_HZ}:ochl=mono:osf=flt:filter_size={RESAMPLER_TAPS}")
        graph.link_nodes(self._in, resampling, graph.add("asetnsamples", f"n={PIECE_SAMPLES}:p=0"), self._out)
        graph.configure()

    def pieces(self, batch: Batch) -> Iterator[Samples]:
        for frame in batch:
            frame.pts = None
            self._in.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[Samples]:
        self._in.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[Samples]:
        with suppress(av.BlockingIOError, av.EOFError):
            while True:
                yield np.asarray(cast(AudioFrame, self._out.pull()).to_ndarray().reshape(-1), np.float32)


def _read_ahead(found: Iterator[Batch], *, most: int = 8) -> Generator[Batch]:
    """The same batches, read ahead by a thread. FFmpeg releases the GIL, so that the caller works in parallel."""
    waiting: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=most)
    stopped = threading.Event()

    def read() -> None:
        ending: BaseException | None = None
        try:
            for batch in found:
                waiting.put(batch)
                if stopped.is_set():
                    return
        except BaseException as error:  # raised below, where the batches are taken
            ending = error
        waiting.put(ending)

    thread = threading.Thread(target=read, name="sound")
    thread.start()
    try:
        while isinstance(batch := waiting.get(), list):
            yield batch
        if batch is not None:
            raise batch
    finally:
        stopped.set()
        while thread.is_alive():
            with suppress(queue.Empty):
                waiting.get(timeout=0.01)
        thread.join()


def _batches(frames: Iterator[AudioFrame]) -> Iterator[Batch]:
    """Frames of the same format in batches of about BATCH_SAMPLES."""
    waiting: Batch = []
    held = 0
    for frame in frames:
        if waiting and (held >= BATCH_SAMPLES or _form(frame) != _form(waiting[0])):
            yield waiting
            waiting, held = [], 0
        waiting.append(frame)
        held += frame.samples
    if waiting:
        yield waiting


def _form(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _frames(container: InputContainer, sound: SoundStream) -> Iterator[AudioFrame]:
    """The frames of the track that decode. Damaged packets are counted; a truncated file ends early."""
    try:
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                sound.damaged_packets += 1
                continue
            yield from (frame for frame in frames if isinstance(frame, AudioFrame))
    except av.FFmpegError:
        sound.damaged_packets += 1
