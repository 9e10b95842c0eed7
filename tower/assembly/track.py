"""Encodes the mix of a film at a level: its slices side by side, then joined to one track."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import TypeVar

from tower.assembly.aac import FRAME_SAMPLES
from tower.assembly.encoded import EncodedSlice, encode_slice, find_join, measure_join, measure_mix, slice_path
from tower.assembly.meter import Measure, integrate
from tower.assembly.mix import CHUNK_SAMPLES
from tower.assembly.progress import Progress
from tower.assembly.rawmix import RawMix
from tower.assembly.slices import SLICE_PACKETS, Level, Slice, merge_slices, plan_slices

T = TypeVar("T")
MAX_AT_ONCE = 6  # slices, of which each takes 7 MB


@dataclass(frozen=True)
class EncodedTrack:
    """Slices, and the packets at which each but the first begins."""

    slices: tuple[EncodedSlice, ...]
    joins: tuple[int, ...]

    @property
    def lufs(self) -> float | None:
        return integrate(chain.from_iterable(one.measure.blocks_lufs for one in self.slices))

    def packets(self) -> Iterator[bytes]:
        bounds = pairwise((0, *self.joins, self.slices[-1].part.end))
        return chain.from_iterable(one.read(first, end) for one, (first, end) in zip(self.slices, bounds, strict=True))

    def peaks_db(self) -> list[float]:
        """The true peak of each slice, those at its joins included."""
        beside = zip(pairwise(self.slices), self.joins, strict=True)
        at_joins = [measure_join(before, after, number) for (before, after), number in beside]
        own = [one.measure.peak_db for one in self.slices]
        return [max(each) for each in zip(own, [own[0], *at_joins], [*at_joins, own[-1]], strict=True)]


class TrackEncoder:
    """Encodes one mix, at one level after the other. Slices are files of `folder`."""

    def __init__(self, mix: RawMix, folder: Path, progress: Progress, *, slice_packets: int = SLICE_PACKETS) -> None:
        self._mix, self._folder, self._progress = mix, folder, progress
        self._digests: dict[Slice, str] = {}
        self.slices = plan_slices(mix.samples, slice_packets)

    def encode(self, level: Level, *, per_piece: float) -> EncodedTrack:
        """`per_piece` is the work of a second of sound. Slices that cannot be joined are encoded as one."""

        def encode(part: Slice) -> EncodedSlice:
            found = encode_slice(part, self._mix, level, self._path(part, level), self._progress)
            self._progress.advance(per_piece * (part.end - part.first) * FRAME_SAMPLES / CHUNK_SAMPLES)
            return found

        while True:
            encoded = _map_in_threads(encode, self.slices)
            joins = [find_join(before, after) for before, after in pairwise(encoded)]
            found = [join for join in joins if join is not None]
            if len(found) == len(joins):
                return EncodedTrack(tuple(encoded), tuple(found))
            self.slices = merge_slices(self.slices, joins)

    def count_cached(self, level: Level) -> int:
        return sum(self._path(part, level).is_file() for part in self.slices)

    def measure_mix(self) -> list[Measure]:
        """The mix as it is, in each slice. The peaks are those of its samples."""
        return _map_in_threads(self._measure_slice, self.slices)

    def _measure_slice(self, part: Slice) -> Measure:
        self._progress.advance()
        return measure_mix(part, self._mix, self._digest(part), self._folder)

    def _digest(self, part: Slice) -> str:
        """The hash of the mix that a slice depends on."""
        if part not in self._digests:
            self._digests[part] = self._mix.digest(*part.pieces)
        return self._digests[part]

    def _path(self, part: Slice, level: Level) -> Path:
        return slice_path(part, self._digest(part), level, self._folder)


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _map_in_threads(work: Callable[[Slice], T], slices: Sequence[Slice]) -> list[T]:
    """FFmpeg and NumPy let other threads run while they work."""
    with ThreadPoolExecutor(min(count_cores(), MAX_AT_ONCE), thread_name_prefix="slice") as pool:
        return list(pool.map(work, slices))
