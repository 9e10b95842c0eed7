"""What is heard eleven times a second: tones, timbre and level, by librosa, piece by piece.

Of librosa only its filters, its short-time Fourier transform and its cosine transform are used: they need neither a
compiler at run time nor scikit-learn. Memory grows by 100 bytes a frame, 4 MB an hour.
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
MEL_BANDS, TIMBRES = 40, 13
FAINT = 1e-7  # of power: rounding noise of 16 bits stays below it
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """A row for each frame, HOP apart, the first centred on the first sample.

    `chroma`: twelve tones from C; `timbre`: cepstrum of the mel bands; `power`: mean square of the samples.
    """

    chroma: Rows
    timbre: Rows
    power: NDArray[np.float32]


def features(pieces: Iterable[Samples]) -> Features:
    """The features of a sound that is handed over in pieces of any length."""
    found = [_of(samples) for samples in _overlapping(pieces)]
    if not found:
        return Features(np.zeros((0, 12), np.float32), np.zeros((0, TIMBRES), np.float32), np.zeros(0, np.float32))
    return Features(*(np.concatenate(rows) for rows in zip(*found, strict=True)))


def _overlapping(pieces: Iterable[Samples]) -> Iterator[Samples]:
    """Samples of whole frames; each begins where the frame after the last of the one before does."""
    rest = np.zeros(WINDOW // 2, np.float32)
    for piece in chain(pieces, [np.zeros(WINDOW // 2, np.float32)]):
        rest = np.concatenate([rest, np.nan_to_num(piece, posinf=0.0, neginf=0.0)])
        frames = (len(rest) - WINDOW) // HOP + 1
        if frames > 0:
            yield rest[: (frames - 1) * HOP + WINDOW]
            rest = rest[frames * HOP :]


def _of(samples: Samples) -> tuple[Rows, Rows, NDArray[np.float32]]:
    magnitude = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP, center=False))
    mel = librosa.power_to_db(_mel() @ np.square(magnitude), ref=1.0, amin=FAINT, top_db=None)
    timbre = librosa.feature.mfcc(S=mel, n_mfcc=TIMBRES)
    middle = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP, (WINDOW - HOP) // 2 : (WINDOW + HOP) // 2]
    power = np.square(middle).mean(axis=1)
    return (_tones() @ magnitude).T, timbre.T.astype(np.float32), power.astype(np.float32)


@cache
def _tones() -> Rows:
    return np.asarray(librosa.filters.chroma(sr=RATE_HZ, n_fft=WINDOW, tuning=0.0), np.float32)


@cache
def _mel() -> Rows:
    return np.asarray(librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW, n_mels=MEL_BANDS), np.float32)
