"""Perceptual hashes: equal or nearly equal for pictures that look alike, whatever their size and compression.

A hash has 64 bits: the signs of the 8 × 8 lowest frequencies of a 32 × 32 grey picture, compared with their median.
Low frequencies survive compression and scaling, where the differences of neighbours in a flat area do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

SIDE_PX, KEPT = 32, 8
MIN_CONTRAST = 4.0  # standard deviation in levels of grey; below it, a picture is nearly of one colour
MAX_SAME_BITS = 10  # of 64
UNKNOWN_BITS = 64
ROUNDING_S = 1e-3

Hash = int | None


def hash_picture(grey: NDArray[np.uint8]) -> Hash:
    """The hash of a grey picture as a signed integer of 64 bits; None if it has too few features."""
    small = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    if float(small.std()) < MIN_CONTRAST:
        return None
    low = np.asarray(cv2.dct(small))[:KEPT, :KEPT].ravel()
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">i8")[0])


def hash_frame(frame: VideoFrame) -> Hash:
    return hash_picture(frame.to_ndarray(format="gray").astype(np.uint8, copy=False))


class SecondHashes:
    """Collects the hash of the first picture of each second of a film."""

    def __init__(self) -> None:
        self.hashes: list[Hash] = []
        self._start_s: float | None = None

    def add(self, frame: VideoFrame) -> None:
        if self._start_s is None:
            self._start_s = frame.time
        if frame.time - self._start_s + ROUNDING_S >= len(self.hashes):
            self.hashes.append(hash_frame(frame))


def count_different_bits(hashes: Sequence[Hash], others: Sequence[Hash]) -> NDArray[np.int64]:
    """The bits in which each of `hashes` (rows) differs from each of `others`; UNKNOWN_BITS where one is None."""
    left, right = _as_bits(hashes), _as_bits(others)
    counts = np.bitwise_count(left[:, None] ^ right[None, :]).astype(np.int64)
    unknown = np.array([one is None for one in hashes])[:, None] | np.array([one is None for one in others])[None, :]
    return np.where(unknown, UNKNOWN_BITS, counts)


def _as_bits(hashes: Sequence[Hash]) -> NDArray[np.uint64]:
    return np.array([one or 0 for one in hashes], np.int64).view(np.uint64)
