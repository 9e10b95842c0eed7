"""Decodes a part of a file to stereo at 48 kHz, at its place and speed, a piece at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from tower.assembly.cut import SAMPLE_RATE_HZ
from tower.conform.sound import MusicExcerpt, NoSoundError, Samples, decode_stereo
from tower.media.decode import open_container

MIN_TEMPO, MAX_TEMPO = Fraction(1, 2), Fraction(2)  # of one filter; more are chained


@dataclass(frozen=True)
class SoundPart:
    """A part of a file. `lasts_s` of None is all the rest. A take without sound is silent."""

    path: Path
    offset_s: float
    lasts_s: float | None
    speed: Fraction = Fraction(1)
    is_take: bool = False


class SoundReader:
    """Reads a part of a file in as many samples as are asked for. Silence follows its end."""

    def __init__(self, part: SoundPart) -> None:
        self._pieces = read_part(part)
        self._rest: Samples = np.zeros((2, 0), np.float32)

    def read(self, count: int) -> Samples:
        while self._rest.shape[1] < count:
            piece = next(self._pieces, None)
            if piece is None:
                missing = count - self._rest.shape[1]
                self._rest = np.pad(self._rest, ((0, 0), (0, missing)))
                break
            self._rest = np.concatenate([self._rest, piece], axis=1)
        samples, self._rest = self._rest[:, :count], self._rest[:, count:]
        return samples

    def close(self) -> None:
        self._pieces.close()


def read_part(part: SoundPart) -> Generator[Samples, None, None]:
    """The samples of a part, in pieces of any length. Raises MediaUnreadableError."""
    skip = round(part.offset_s * SAMPLE_RATE_HZ)
    count = None if part.lasts_s is None else round(part.lasts_s * SAMPLE_RATE_HZ)
    pieces = _cut(_aligned(part), skip, count)
    yield from (pieces if part.speed == 1 else _stretched(pieces, part.speed))


def count_samples(path: Path) -> int:
    """The length of a sound file at 48 kHz. It is decoded, as headers can be wrong."""
    return sum(piece.shape[1] for piece in decode_stereo(MusicExcerpt(path)))


def _aligned(part: SoundPart) -> Iterator[Samples]:
    """The samples of a file. Those of a take begin with its first picture."""
    if not part.is_take:
        yield from decode_stereo(MusicExcerpt(part.path))
        return
    late = _sound_delay(part.path)
    if late > 0:
        yield np.zeros((2, late), np.float32)
    with suppress(NoSoundError):
        yield from _cut(decode_stereo(MusicExcerpt(part.path)), max(0, -late), None)


def _sound_delay(path: Path) -> int:
    """The samples by which the sound of a take begins after its pictures."""
    with open_container(path) as container:
        starts = [
            Fraction(stream.start_time * stream.time_base)
            for stream in (*container.streams.audio[:1], *container.streams.video[:1])
            if stream.start_time is not None and stream.time_base is not None
        ]
    return round((starts[0] - starts[1]) * SAMPLE_RATE_HZ) if len(starts) == 2 else 0


def _cut(pieces: Iterable[Samples], skip: int, count: int | None) -> Iterator[Samples]:
    at = 0
    for piece in pieces:
        begins, at = at, at + piece.shape[1]
        past = None if count is None else max(0, skip + count - begins)
        if at > skip:
            yield piece[:, max(0, skip - begins) : past]
        if count is not None and at >= skip + count:
            return


def _stretched(pieces: Iterable[Samples], speed: Fraction) -> Iterator[Samples]:
    """The samples at another speed and the same pitch."""
    graph = av.filter.Graph()
    time_base = Fraction(1, SAMPLE_RATE_HZ)
    source = graph.add_abuffer(format="fltp", sample_rate=SAMPLE_RATE_HZ, layout="stereo", time_base=time_base)
    tempos = [graph.add("atempo", f"{float(tempo):.9f}") for tempo in _tempos(speed)]
    planar = graph.add("aformat", "sample_fmts=fltp")  # atempo answers packed samples
    graph.link_nodes(source, *tempos, planar, graph.add("abuffersink")).configure()
    at = 0
    for piece in pieces:
        if not piece.shape[1]:
            continue
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, at, time_base
        at += piece.shape[1]
        graph.push(frame)
        yield from _pulled(graph)
    graph.push(None)
    yield from _pulled(graph)


def _pulled(graph: av.filter.Graph) -> Iterator[Samples]:
    try:
        while isinstance(frame := graph.pull(), AudioFrame):
            yield np.asarray(frame.to_ndarray(), np.float32)
    except (BlockingIOError, EOFError):
        return


def _tempos(speed: Fraction) -> list[Fraction]:
    tempos = []
    while not MIN_TEMPO <= speed <= MAX_TEMPO:
        tempos.append(MAX_TEMPO if speed > 1 else MIN_TEMPO)
        speed /= tempos[-1]
    return [*tempos, speed]
