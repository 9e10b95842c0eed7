"""Mixes the sounds of a film, second by second: only the sources of the present second are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tower.assembly.cut import SAMPLE_RATE_HZ
from tower.assembly.decoding import SoundReader
from tower.assembly.sources import Source
from tower.conform.sound import Samples

CHUNK_SAMPLES = SAMPLE_RATE_HZ


def mix_sources(sources: Sequence[Source], total: int) -> Iterator[Samples]:
    """The sum of the sources, `total` samples in pieces of a second. `sources` are in the order of their beginning."""
    waiting = list(reversed(sources))
    playing: list[tuple[Source, SoundReader]] = []
    try:
        for start in range(0, total, CHUNK_SAMPLES):
            end = min(total, start + CHUNK_SAMPLES)
            while waiting and waiting[-1].span[0] < end:
                source = waiting.pop()
                playing.append((source, SoundReader(source.part)))
            mixed = np.zeros((2, end - start), np.float32)
            for source, reader in playing:
                _add(mixed, start, source, reader)
            playing = [pair for pair in playing if not _is_over(pair, end)]
            yield mixed
    finally:
        for _, reader in playing:
            reader.close()


def _add(mixed: Samples, start: int, source: Source, reader: SoundReader) -> None:
    begins, ends = max(start, source.span[0]), min(start + mixed.shape[1], source.span[1])
    samples = reader.read(ends - begins) * np.float32(10 ** (source.gain_db / 20))
    for curve in source.curves:
        samples = samples * curve.levels(begins, ends - begins)
    mixed[:, begins - start : ends - start] += samples


def _is_over(pair: tuple[Source, SoundReader], end: int) -> bool:
    source, reader = pair
    if source.span[1] > end:
        return False
    reader.close()
    return True
