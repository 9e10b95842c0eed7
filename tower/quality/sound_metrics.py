"""Measures every decoded sample once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from av.audio.frame import AudioFrame

CLIPPED_LEVEL = 0.999


@dataclass
class SoundMeter:
    """The level of the samples of all channels. Full scale is 1.0; `clipped_samples` counts those at 0.999 or above."""

    samples: int = 0
    clipped_samples: int = 0
    peak: float = 0.0

    def add_frame(self, frame: AudioFrame) -> None:
        values = frame.to_ndarray()
        loud = np.abs(values.astype(np.float64) - (128 if values.dtype == np.uint8 else 0))
        if values.dtype.kind in "iu":
            loud /= 2 ** (8 * values.itemsize - 1)
        self.samples += loud.size
        self.clipped_samples += int((loud >= CLIPPED_LEVEL).sum())
        self.peak = max(self.peak, float(loud.max(initial=0.0)))
