"""Estimates the tempo over time: a comb over autocorrelations, and the likeliest path through them (Viterbi).

For each window of ten seconds and each tempo, the comb measures how well the onsets repeat after half a beat and after
one, two, three and four beats. The path through the windows avoids jumps and prefers common tempos: a log-normal prior,
or the hint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tower.beats.onsets import FPS, Curve
from tower.beats.results import MAX_BPM, MIN_BPM, TempoCandidate, TempoHint

WINDOW_S, STEP_S = 10.0, 0.5
BATCH_WINDOWS = 256
BPM_STEP = 0.01  # natural logarithm: neighbouring tempos are 1 % apart
BPM_GRID = np.exp(np.arange(np.log(MIN_BPM), np.log(MAX_BPM), BPM_STEP))
USUAL_BPM, USUAL_OCTAVES = 120.0, 0.9  # centre and width of the prior
HINTED_OCTAVES = 0.12  # narrow, so that half of the given tempo is not taken for it
DEFAULT_MIN_BPM, DEFAULT_MAX_BPM = 50.0, 215.0  # other tempos are found only with a hint
COMB = ((0.5, 0.35), (1, 1.0), (2, 0.9), (3, 0.35), (4, 0.8))  # beats, weight
EVIDENCE_WEIGHT, PRIOR_WEIGHT = 8.0, 5.0
STEP_COST = 1.2  # of a step of 1 %
RELATED_RATIOS = (1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3)  # ratios of other tempos of the same music
MAX_CANDIDATE_DISTANCE = 0.04  # two tempos this close (4 %) are one candidate

Tempogram = NDArray[np.float32]


@dataclass(frozen=True)
class TempoMap:
    """The tempo over time. `strengths`: windows × BPM_GRID, about 0–1. `path`: the index in BPM_GRID per window."""

    strengths: Tempogram
    path: NDArray[np.intp]
    hint: TempoHint

    @property
    def bpm(self) -> NDArray[np.float64]:
        return np.asarray(BPM_GRID[self.path])

    @property
    def clarity(self) -> float:
        """How well the onsets repeat at the chosen tempo, 0–1; the median over the windows."""
        chosen = self.strengths[np.arange(len(self.path)), self.path]
        return float(np.clip(np.median(chosen), 0, 1))

    @property
    def recurrence(self) -> float:
        """How far the tempo that returns most stands out through the whole sound.

        Chance makes a high value less likely the longer the sound is, so it grows with the root of the windows.
        """
        inside = (BPM_GRID >= DEFAULT_MIN_BPM) & (BPM_GRID <= DEFAULT_MAX_BPM)
        mean = self.strengths.mean(axis=0)[inside]
        return float((mean.max() - mean.mean()) * np.sqrt(len(self.strengths) * STEP_S / WINDOW_S))

    def beat_periods(self, frames: int) -> NDArray[np.float64]:
        """The length of a beat in frames, for each frame."""
        centres = np.arange(len(self.path)) * STEP_S * FPS
        return np.asarray(60 * FPS / np.interp(np.arange(frames), centres, self.bpm))

    def octave_strengths(self, bpm: float) -> tuple[float, float, float]:
        """The mean strength at half of `bpm`, at `bpm` and at double; 0 outside the grid."""
        mean = self.strengths.mean(axis=0)
        found = (mean[np.abs(np.log(BPM_GRID / (bpm * ratio))) <= MAX_CANDIDATE_DISTANCE] for ratio in (0.5, 1, 2))
        half, same, double = (float(one.max()) if len(one) else 0.0 for one in found)
        return half, same, double

    def candidates(self, bpm: float) -> tuple[TempoCandidate, ...]:
        """The possible tempos of music at `bpm`, likeliest first. The weights add up to about 1."""
        likelihood = EVIDENCE_WEIGHT * self.strengths.mean(axis=0) + tempo_prior(self.hint)
        ways = [bpm * ratio for ratio in RELATED_RATIOS if is_in_range(bpm * ratio, self.hint)] or [bpm]
        scores = np.array([likelihood[np.abs(np.log(BPM_GRID / way)) <= MAX_CANDIDATE_DISTANCE].max() for way in ways])
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        found = [
            TempoCandidate(round(way, 2), round(float(weight), 4)) for way, weight in zip(ways, weights, strict=True)
        ]
        return tuple(
            sorted(
                (candidate for candidate in found if candidate.weight >= 0.01), key=lambda candidate: -candidate.weight
            )
        )


def estimate_tempo(curve: Curve, hint: TempoHint) -> TempoMap:
    """Estimate the tempo every STEP_S in a curve of onsets of unit strength."""
    strengths = compute_tempogram(curve)
    return TempoMap(strengths, likeliest_path(strengths, tempo_prior(hint)), hint)


def is_in_range(bpm: float, hint: TempoHint) -> bool:
    low, high = _limits(hint)
    return low <= bpm <= high


def tempo_prior(hint: TempoHint, *, usual_bpm: float = USUAL_BPM) -> NDArray[np.float64]:
    """The log probability of each tempo in BPM_GRID; −1000 for those outside the limits."""
    middle, octaves = (hint.bpm, HINTED_OCTAVES) if hint.bpm else (usual_bpm, USUAL_OCTAVES)
    likely = -PRIOR_WEIGHT / 2 * np.square(np.log2(BPM_GRID / middle) / octaves)
    low, high = _limits(hint)
    return np.where((low * (1 - BPM_STEP) > BPM_GRID) | (high * (1 + BPM_STEP) < BPM_GRID), -1000.0, likely)


def compute_tempogram(curve: Curve) -> Tempogram:
    """Windows × BPM_GRID: how well the onsets in each window repeat at each tempo."""
    size, step = int(WINDOW_S * FPS), STEP_S * FPS
    padded = np.pad(curve, size // 2)
    starts = (np.arange(max(1, int(len(curve) / step))) * step).astype(int)
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    parts = range(0, len(starts), BATCH_WINDOWS)
    found = [_comb(_repetition(views[starts[i : i + BATCH_WINDOWS]])) for i in parts]
    return np.asarray(np.concatenate(found), np.float32)


def _repetition(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The autocorrelation of each window, 1 at lag 0, corrected for that of the taper."""
    size = windows.shape[1]
    taper = np.hanning(size).astype(np.float32)
    length = fft.next_fast_len(2 * size, real=True)

    def correlated(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        spectrum = fft.rfft(rows, length, axis=-1)
        return np.asarray(fft.irfft(np.square(np.abs(spectrum)), length, axis=-1)[..., :size])

    own = correlated(taper)
    found = correlated((windows - windows.mean(axis=1, keepdims=True)) * taper)
    found /= np.maximum(own, own[0] * 0.02)
    return np.asarray(found / np.maximum(found[:, :1], 1e-9))


def _comb(repetition: NDArray[np.float32]) -> Tempogram:
    lags = 60 / BPM_GRID * FPS
    total = np.zeros((len(repetition), len(BPM_GRID)), np.float32)
    for beats, weight in COMB:
        lag = lags * beats
        inside = lag < repetition.shape[1] * 0.8
        whole = lag[inside].astype(int)
        part = (lag[inside] - whole).astype(np.float32)
        between = (1 - part) * repetition[:, whole] + part * repetition[:, whole + 1]
        total[:, inside] += np.float32(weight) * between
    return np.asarray(total / sum(weight for _, weight in COMB), np.float32)


def likeliest_path(strengths: Tempogram, prior: NDArray[np.float64]) -> NDArray[np.intp]:
    """The best path through the windows: the index in BPM_GRID of each."""
    totals = np.empty(strengths.shape, np.float32)  # each row relative to its best, so that sums stay small over hours
    ramp = STEP_COST * np.arange(strengths.shape[1])
    came = np.zeros(strengths.shape[1])
    for row, strength in zip(totals, strengths, strict=True):
        total = came + EVIDENCE_WEIGHT * strength + prior
        row[:] = total = total - total.max()
        rising = np.maximum.accumulate(total + ramp) - ramp
        came = np.maximum(rising, np.maximum.accumulate((total - ramp)[::-1])[::-1] + ramp)
    path = np.empty(len(totals), np.intp)
    path[-1] = totals[-1].argmax()
    for i in range(len(totals) - 1, 0, -1):
        path[i - 1] = (totals[i - 1] - np.abs(ramp - ramp[path[i]])).argmax()
    return path


def _limits(hint: TempoHint) -> tuple[float, float]:
    slowest, fastest = (MIN_BPM, MAX_BPM) if hint.key else (DEFAULT_MIN_BPM, DEFAULT_MAX_BPM)
    return hint.low_bpm or slowest, hint.high_bpm or fastest
