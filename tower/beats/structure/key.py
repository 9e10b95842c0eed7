"""Major or minor, and on which tone: the mean of the tones beside profiles of the 24 keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tower.beats.structure.results import TONICS, Key, Mode

# How often each step above the tonic is in chords, by H. Budge's count of common-practice music (1943), in the form of
# H. Bellmann, "About the Determination of Key of a Musical Excerpt" (2006). Nothing here is fitted.
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (16.80, 0.86, 12.95, 1.41, 13.49, 11.93, 1.25, 20.28, 1.80, 8.04, 0.62, 10.57),
    "minor": (18.16, 0.69, 12.99, 13.34, 1.07, 11.15, 1.38, 21.07, 7.49, 1.53, 0.92, 10.21),
}
LEAST_FIT = 0.5  # correlation with the best profile: below it no key stands out
SHARPNESS = 15.0  # of the softmax that makes a confidence of the fits; likeliest on the tuning songs
SHORTEST_S = 3.0

Tones = NDArray[np.floating]


def key_of(tones: Tones) -> tuple[Key | None, str | None]:
    """The key of a sound with these amounts of the twelve tones, from C; null with the reason."""
    fits = _fits(tones)
    best = int(fits.argmax())
    if not fits[best] >= LEAST_FIT:
        return None, "No key stands out: the tones fit none of the 24 well"
    shares = np.exp(SHARPNESS * (fits - fits[best]))
    mode = tuple(PROFILES)[best // 12]
    return Key(TONICS[best % 12], mode, round(float(1 / shares.sum()), 4)), None


def _fits(tones: Tones) -> NDArray[np.float64]:
    """The correlation with each profile, first the major keys from C."""
    own = _standard(np.asarray(tones, float))
    return np.array(
        [own @ np.roll(_standard(np.array(one)), tonic) for one in PROFILES.values() for tonic in range(12)]
    )


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-12))
