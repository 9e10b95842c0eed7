"""The outline of a track's sound, for drawing: the lowest and highest sample of each of POINTS intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from tower.beats.sound import RATE_HZ, open_sound
from tower.media.files import write_atomically

POINTS = 1000
BLOCK_SAMPLES = RATE_HZ // 50  # samples that are reduced to one minimum and maximum while reading
CACHE_VERSION = 1  # of the cache files


@dataclass(frozen=True)
class Peaks:
    """`low` and `high` are in −1…1, of equal length, evenly spaced over `duration_s`."""

    low: Sequence[float]
    high: Sequence[float]
    duration_s: float


def load_peaks(file: IO[bytes], *, sha256: str, cache: Path) -> Peaks:
    """The peaks of a file, cached by its hash. Raises MediaUnreadableError."""
    cached = cache / sha256[:2] / f"{sha256}.{CACHE_VERSION}.json"
    try:
        return Peaks(**json.loads(cached.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        pass
    result = _read(file)
    with write_atomically(cached) as part:
        part.write_text(json.dumps({"low": result.low, "high": result.high, "duration_s": result.duration_s}))
    return result


def _read(file: IO[bytes]) -> Peaks:
    lows: list[np.ndarray] = []
    highs: list[np.ndarray] = []
    with open_sound(file) as (sound, pieces):
        for piece in pieces:
            starts = np.arange(0, len(piece), BLOCK_SAMPLES)
            lows.append(np.minimum.reduceat(piece, starts))
            highs.append(np.maximum.reduceat(piece, starts))
        duration = sound.duration_s
    low, high = np.concatenate(lows), np.concatenate(highs)
    starts = np.unique(np.linspace(0, len(low), min(POINTS, len(low)), endpoint=False).astype(int))
    return Peaks(_rounded(np.minimum.reduceat(low, starts)), _rounded(np.maximum.reduceat(high, starts)), duration)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in np.clip(values, -1, 1)]
