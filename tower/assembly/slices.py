"""Divides the sound of a film into slices, so that several are encoded at once and an edit costs only its own.

A slice is encoded from some packets before its own, after which the encoder writes what it writes in the whole film.
Packets around its ends are kept, so that slices are joined where both encoders chose the same window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tower.assembly.aac import FRAME_SAMPLES, count_packets
from tower.assembly.meter import STEP_SAMPLES
from tower.assembly.mix import CHUNK_SAMPLES

SLICE_PACKETS = 1500  # 32 s: a whole number of packets, of pieces of the mix, and of the meter's steps
SLICE_PIECES = SLICE_PACKETS * FRAME_SAMPLES // CHUNK_SAMPLES
LEAD_PACKETS = 24
SPARE_PACKETS = 8  # on each side of a join


@dataclass(frozen=True)
class Slice:
    """Packets of the film, from `first` until before `end`, of a film with `samples` samples."""

    first: int
    end: int
    samples: int

    @property
    def is_last(self) -> bool:
        return self.end == count_packets(self.samples)

    @property
    def encoded_samples(self) -> tuple[int, int]:
        """The samples of the film that it is encoded from."""
        end = self.samples if self.is_last else (self.end + SPARE_PACKETS + 1) * FRAME_SAMPLES
        return max(0, self.first - LEAD_PACKETS) * FRAME_SAMPLES, min(end, self.samples)

    @property
    def kept_packets(self) -> tuple[int, int]:
        return max(0, self.first - SPARE_PACKETS), min(count_packets(self.samples), self.end + SPARE_PACKETS)

    @property
    def pieces(self) -> tuple[int, int]:
        """The pieces of the mix that it depends on: the limiter looks at the neighbours of a piece."""
        start, end = self.encoded_samples
        return max(0, start // CHUNK_SAMPLES - 1), min(-(-self.samples // CHUNK_SAMPLES), -(-end // CHUNK_SAMPLES) + 1)

    @property
    def steps(self) -> int:
        """The steps of the meter that end in it."""
        return (min(self.end * FRAME_SAMPLES, self.samples) - self.first * FRAME_SAMPLES) // STEP_SAMPLES


@dataclass(frozen=True)
class Level:
    """The gain of the mix, and the ceiling of its peaks in every 32 s."""

    gain_db: float
    ceilings_db: tuple[float, ...]

    def ceiling_db(self, piece: int) -> float:
        return self.ceilings_db[min(piece // SLICE_PIECES, len(self.ceilings_db) - 1)]


def plan_slices(samples: int, length: int = SLICE_PACKETS) -> list[Slice]:
    """Slices of `length` packets. The last is longer, rather than another one much shorter."""
    total = count_packets(samples)
    bounds = [*range(0, max(1, total - length // 2), length), total]
    return [Slice(first, end, samples) for first, end in pairwise(bounds)]


def merge_slices(slices: Sequence[Slice], joins: Sequence[int | None]) -> list[Slice]:
    """The slices, with each that cannot follow the one before it as a part of that one."""
    starts = [slices[0].first, *(part.first for part, join in zip(slices[1:], joins, strict=True) if join is not None)]
    return [replace(slices[0], first=first, end=end) for first, end in pairwise([*starts, slices[-1].end])]
