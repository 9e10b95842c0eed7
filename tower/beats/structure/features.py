"""Computes chroma, timbre and level of a sound about eleven times a second with librosa, piece by piece.

This uses only the filters, the short-time Fourier transform and the MFCCs of librosa: they need neither a compiler at
run time nor scikit-learn. Memory grows by 100 bytes a frame, 4 MB an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

import librosa
import numpy as np
from numpy.typing import NDArray

from tower.beats.sound import RATE_HZ, Samples

WINDOW, HOP = 4096, 2048  # samples
FPS = RATE_HZ / HOP
MEL_BANDS, MFCC_COUNT = 40, 13
MIN_POWER = 1e-7  # the rounding noise of 16 bits is below it
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """A row for each frame, HOP apart, the first centred on the first sample.

    `chroma`: twelve tones from C; `timbre`: cepstrum of the mel bands; `power`: mean square of the samples.
    """

    chroma: Rows
    timbre: Rows
    power: NDArray[np.float32]


def compute_features(pieces: Iterable[Samples]) -> Features:
    """Compute the features of a sound that comes in pieces of any length."""
    found = [_compute_piece(samples) for samples in _split_into_frames(pieces)]
    if not found:
        return Features(np.zeros((0, 12), np.float32), np.zeros((0, MFCC_COUNT), np.float32), np.zeros(0, np.float32))
    return Features(*(np.concatenate(rows) for rows in zip(*found, strict=True)))


def _split_into_frames(pieces: Iterable[Samples]) -> Iterator[Samples]:
    """Yield samples of whole frames. Each piece starts one HOP after the last frame of the previous one."""
    rest = np.zeros(WINDOW // 2, np.float32)
    for piece in chain(pieces, [np.zeros(WINDOW // 2, np.float32)]):
        rest = np.concatenate([rest, np.nan_to_num(piece, posinf=0.0, neginf=0.0)])
        frames = (len(rest) - WINDOW) // HOP + 1
        if frames > 0:
            yield rest[: (frames - 1) * HOP + WINDOW]
            rest = rest[frames * HOP :]


def _compute_piece(samples: Samples) -> tuple[Rows, Rows, NDArray[np.float32]]:
    magnitude = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP, center=False))
    mel = librosa.power_to_db(_mel_filters() @ np.square(magnitude), ref=1.0, amin=MIN_POWER, top_db=None)
    timbre = librosa.feature.mfcc(S=mel, n_mfcc=MFCC_COUNT)
    middle = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP, (WINDOW - HOP) // 2 : (WINDOW + HOP) // 2]
    power = np.square(middle).mean(axis=1)
    return (_chroma_filters() @ magnitude).T, timbre.T.astype(np.float32), power.astype(np.float32)


@cache
def _chroma_filters() -> Rows:
    return np.asarray(librosa.filters.chroma(sr=RATE_HZ, n_fft=WINDOW, tuning=0.0), np.float32)


@cache
def _mel_filters() -> Rows:
    return np.asarray(librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=MEL_BANDS), np.float32)
