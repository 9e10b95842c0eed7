"""The mix of a film as a file of plain samples, of which any part can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tower.assembly.mix import CHUNK_SAMPLES
from tower.assembly.progress import Progress
from tower.conform.sound import Samples
from tower.media.files import write_atomically

SAMPLE_BYTES = 8  # both channels, float32


@dataclass(frozen=True)
class RawMix:
    """`samples` is its length. Pieces are of a second, from the start of the film."""

    path: Path
    samples: int

    @property
    def pieces(self) -> int:
        return -(-self.samples // CHUNK_SAMPLES)

    def read(self, first: int, end: int) -> Iterator[Samples]:
        """The pieces from `first` until before `end`."""
        with self.path.open("rb") as file:
            file.seek(first * CHUNK_SAMPLES * SAMPLE_BYTES)
            for _ in range(first, end):
                data = file.read(CHUNK_SAMPLES * SAMPLE_BYTES)
                if not data:
                    return
                yield np.frombuffer(data, np.float32).reshape(-1, 2).T

    def digest(self, first: int, end: int) -> str:
        """The hash of pieces."""
        found = hashlib.sha256()
        for piece in self.read(first, end):
            found.update(piece.T.data)
        return found.hexdigest()

    def is_silent(self) -> bool:
        return not any(piece.any() for piece in self.read(0, self.pieces))


def write_mix(pieces: Iterable[Samples], target: Path, progress: Progress, per_piece: float) -> None:
    with write_atomically(target) as part, part.open("wb") as file:
        for piece in pieces:
            file.write(np.ascontiguousarray(piece.T, np.float32).tobytes())
            progress.advance(per_piece)
    progress.end_step(f"wrote {target.parent.name}/{target.name}")
