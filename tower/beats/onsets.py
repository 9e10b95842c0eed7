"""Computes a curve of onsets, piece by piece while the file is read.

An onset is a rise of the log-mel spectrum (spectral flux) over 23 ms, at 86 frames per second. Each piece is brought
to the same level by itself, so that no spectra need to be kept: a second takes 2 kB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from tower.beats.sound import RATE_HZ, Samples

HOP_SAMPLES, WINDOW_SAMPLES = 256, 1024  # samples
FPS = RATE_HZ / HOP_SAMPLES
BANDS = 64  # mel bands from 30 Hz to 11 kHz
BASS_BANDS = slice(0, 10)  # below about 500 Hz
INSTRUMENT_BANDS = (slice(0, 4), slice(6, 40), slice(46, 64))  # kick drum and bass; snare, chords, voice; cymbals
LAG_FRAMES = 2  # frames over which a rise is measured
TARGET_LEVEL = 1000.0  # level of the loud bands of a piece (99 %) before the logarithm
LEVEL_MEMORY = 0.2  # share of the last piece's level that is kept, so that hiss after a chord stays quiet
MIN_LEVEL = 1e-4  # of power: rounding noise of 16 bits stays below it
BATCH_FRAMES = 64  # frames that fit into a processor's cache
CHROMA_EVERY = 4  # frames
TONE_BINS = slice(7, 93)  # 150 Hz to 2 kHz
LEAD_FRAMES = 8  # frames of silence before the sound, so that a first beat at 0 s has an onset too
TAIL_FRAMES = (
    LEAD_FRAMES + WINDOW_SAMPLES // HOP_SAMPLES // 2 + 1
)  # last frames, which see the end of the file as an onset
ONSET_DELAY_S = 0.0048  # from a peak of the curve to its onset; measured on clicks

Curve = NDArray[np.float32]


@dataclass(frozen=True)
class Onsets:
    """Curves with FPS values per second: the `rise` of all bands, the `bass` of the low ones, and the `level_db`.

    `band_rises`: a row per frame with the rise in each of INSTRUMENT_BANDS.
    `chroma`: the energy of the twelve tones, a row for every CHROMA_EVERY frames.
    """

    rise: Curve
    bass: Curve
    band_rises: NDArray[np.float32]
    level_db: Curve
    chroma: NDArray[np.float32]


def compute_onsets(pieces: Iterable[Samples]) -> Onsets:
    """The curves of a sound that comes in pieces of any length."""
    curves = _Curves()
    for frames in _framed(pieces):
        curves.add(frames)
    return curves.whole()


def frames_to_times(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds from the first sample, for indices of a curve."""
    return (frames - LEAD_FRAMES) / FPS + ONSET_DELAY_S


def times_to_frames(times_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """The nearest indices of a curve, which may be outside of it."""
    return np.round((times_s - ONSET_DELAY_S) * FPS + LEAD_FRAMES).astype(np.intp)


def max_near(curve: Curve, times_s: NDArray[np.float64], reach: int) -> Curve:
    """The largest value within `reach` frames of each time."""
    places = times_to_frames(times_s)[:, None] + np.arange(-reach, reach + 1)
    return np.asarray(curve[np.clip(places, 0, len(curve) - 1)].max(axis=1))


def _framed(pieces: Iterable[Samples]) -> Iterable[NDArray[np.float32]]:
    """Views of WINDOW_SAMPLES, HOP_SAMPLES apart, the first centred LEAD_FRAMES before the first sample."""
    rest = np.zeros(LEAD_FRAMES * HOP_SAMPLES + WINDOW_SAMPLES // 2, np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece])
        count = (len(rest) - WINDOW_SAMPLES) // HOP_SAMPLES + 1
        if count > 0:
            yield np.lib.stride_tricks.sliding_window_view(rest, WINDOW_SAMPLES)[: count * HOP_SAMPLES : HOP_SAMPLES]
            rest = rest[count * HOP_SAMPLES :]
    rest = np.concatenate([rest, np.zeros(WINDOW_SAMPLES // 2 + LEAD_FRAMES * HOP_SAMPLES, np.float32)])
    if len(rest) >= WINDOW_SAMPLES:
        yield np.lib.stride_tricks.sliding_window_view(rest, WINDOW_SAMPLES)[::HOP_SAMPLES]


class _Curves:
    def __init__(self) -> None:
        self._rise: list[Curve] = []
        self._bass: list[Curve] = []
        self._parts: list[NDArray[np.float32]] = []
        self._level: list[Curve] = []
        self._chroma: list[NDArray[np.float32]] = []
        self._before = np.zeros((LAG_FRAMES, BANDS), np.float32)
        self._loud = 0.0

    def add(self, frames: NDArray[np.float32]) -> None:
        mel = np.empty((len(frames), BANDS), np.float32)
        for start in range(0, len(frames), BATCH_FRAMES):
            some = slice(start, start + BATCH_FRAMES)
            spectrum = fft.rfft(frames[some] * _hann(), axis=1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            np.matmul(power, _mel_bands(), out=mel[some])
            self._chroma.append(_tones(power))
        self._level.append((10 * np.log10(mel.mean(axis=1) + 1e-9)).astype(np.float32))
        self._add_rise(mel)

    def _add_rise(self, mel: NDArray[np.float32]) -> None:
        joined = np.concatenate([self._before, mel])
        loud = float(np.percentile(mel, 99))
        self._loud = max(loud, LEVEL_MEMORY * self._loud, MIN_LEVEL)
        gain = TARGET_LEVEL / self._loud
        logs = np.log1p(joined * np.float32(gain))
        rise = np.maximum(0, logs[LAG_FRAMES:] - logs[:-LAG_FRAMES])
        self._rise.append(rise.mean(axis=1))
        self._bass.append(rise[:, BASS_BANDS].mean(axis=1))
        self._parts.append(np.stack([rise[:, part].mean(axis=1) for part in INSTRUMENT_BANDS], axis=1))
        self._before = joined[-LAG_FRAMES:]

    def whole(self) -> Onsets:
        curves = (self._rise, self._bass, self._parts, self._level, self._chroma)
        whole = Onsets(*(np.concatenate(curve) for curve in curves))
        for curve in (whole.rise, whole.bass, whole.band_rises):
            curve[-TAIL_FRAMES:] = 0
        return whole


def _tones(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy summed over CHROMA_EVERY frames each. The last row of a piece includes the frames that are left over."""
    starts = np.arange(0, max(len(power) - CHROMA_EVERY + 1, 1), CHROMA_EVERY)
    return np.asarray(np.add.reduceat(power[:, TONE_BINS], starts, axis=0) @ _tone_of_bins(), np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


@cache
def _mel_bands() -> NDArray[np.float32]:
    """Bins × bands: triangles of equal area on Slaney's mel scale."""
    edges = _hz(np.linspace(_mel(np.array(30.0)), _mel(np.array(11_000.0)), BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / RATE_HZ)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return (np.maximum(0, triangles) * 2 / (high - low)).astype(np.float32)


@cache
def _tone_of_bins() -> NDArray[np.float32]:
    """TONE_BINS × 12: each bin belongs to the nearest tone."""
    bins = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / RATE_HZ)[TONE_BINS]
    weights = np.zeros((len(bins), 12), np.float32)
    weights[np.arange(len(bins)), np.round(12 * np.log2(bins / 440)).astype(int) % 12] = 1
    return weights


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1e-9) / 1000) * 27 / np.log(6.4))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
