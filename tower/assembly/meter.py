"""Measures loudness and peaks (ITU-R BS.1770) of a part of a film's sound, so that parts can be measured side by side.

FFmpeg's meter weighs the sound and finds true peaks. Only the gates, which need all parts, are applied here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame

from tower.assembly.cut import SAMPLE_RATE_HZ
from tower.conform.loudness import QUIETEST_LUFS
from tower.conform.sound import Samples

STEP_SAMPLES = SAMPLE_RATE_HZ // 10  # from one block to the next
BLOCK_STEPS = 4  # of 0.1 s in a block
GATE_LU = -10.0  # below the mean of what is not silent
LOUDNESS_KEY = "lavfi.r128.M"


class PeakKind(StrEnum):
    """A true peak may stand between two samples. To find it takes three times as long as all the rest."""

    TRUE = "true"
    SAMPLE = "sample"


@dataclass(frozen=True)
class Measure:
    """The loudness of each block of 0.4 s that ends in the part, in LUFS, and the highest peak as a factor."""

    blocks_lufs: tuple[float, ...]
    peak: float

    @property
    def peak_db(self) -> float:
        return 20 * math.log10(max(self.peak, 1e-9))


def measure_part(pieces: Iterable[Samples], *, skip: int = 0, steps: int, peaks: PeakKind = PeakKind.TRUE) -> Measure:
    """Measure `steps` steps of the samples after the first `skip` ones, in which the meter settles.

    Peaks are found in all of the samples. Some should follow the last step, as a peak stands between two samples.
    """
    graph, at = _build_graph(peaks), 0
    blocks, peak = [], 0.0
    for samples in _steps(pieces, fades_in=skip > 0):
        frame = AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, at, Fraction(1, SAMPLE_RATE_HZ)
        at += STEP_SAMPLES
        graph.push(frame)
        for found in _pulled(graph):
            blocks.append(float(found[LOUDNESS_KEY]))
            peak = max(peak, float(found[f"lavfi.r128.{peaks}_peak"]))
    return Measure(tuple(blocks[max(skip, BLOCK_STEPS - 1) : skip + steps]), peak)


def integrate(blocks_lufs: Iterable[float]) -> float | None:
    """The integrated loudness of blocks. None for silence, and for less sound than one block."""
    blocks = np.asarray(list(blocks_lufs), np.float64)
    loud = blocks[blocks > QUIETEST_LUFS]
    if not loud.size:
        return None
    return _mean(loud[loud > _mean(loud) + GATE_LU])


def _mean(blocks_lufs: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(10 * np.log10(np.mean(10 ** (blocks_lufs / 10))))


def _build_graph(peaks: PeakKind) -> av.filter.Graph:
    graph = av.filter.Graph()
    time_base = Fraction(1, SAMPLE_RATE_HZ)
    source = graph.add_abuffer(format="fltp", sample_rate=SAMPLE_RATE_HZ, layout="stereo", time_base=time_base)
    meter = graph.add("ebur128", f"metadata=1:framelog=quiet:peak={peaks}")
    graph.link_nodes(source, meter, graph.add("abuffersink")).configure()
    return graph


def _steps(pieces: Iterable[Samples], *, fades_in: bool) -> Iterator[Samples]:
    """The samples in pieces of a step, without what is left of them.

    The first is faded in if the film does not begin with it: a sudden beginning would be a peak.
    """
    rest = np.zeros((2, 0), np.float32)
    rise = np.linspace(0, 1, STEP_SAMPLES, dtype=np.float32) if fades_in else None
    for piece in pieces:
        rest = np.concatenate([rest, piece], axis=1)
        while rest.shape[1] >= STEP_SAMPLES:
            step, rest = rest[:, :STEP_SAMPLES], rest[:, STEP_SAMPLES:]
            yield np.ascontiguousarray(step if rise is None else step * rise)
            rise = None


def _pulled(graph: av.filter.Graph) -> Iterator[dict[str, str]]:
    try:
        while isinstance(frame := graph.pull(), AudioFrame):
            yield dict(frame.metadata)
    except (BlockingIOError, EOFError):
        return
