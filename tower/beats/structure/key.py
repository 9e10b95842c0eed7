"""Finds the key: the mean chroma is compared with the profiles of the 24 major and minor keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tower.beats.structure.results import TONICS, Key, Mode

# The frequency of each step above the tonic in chords: H. Budge's count of common-practice music (1943), as given by
# H. Bellmann in "About the Determination of Key of a Musical Excerpt" (2006). These are not fitted.
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (16.80, 0.86, 12.95, 1.41, 13.49, 11.93, 1.25, 20.28, 1.80, 8.04, 0.62, 10.57),
    "minor": (18.16, 0.69, 12.99, 13.34, 1.07, 11.15, 1.38, 21.07, 7.49, 1.53, 0.92, 10.21),
}
MIN_FIT = 0.5  # correlation with the best profile; below it no key stands out
SHARPNESS = 15.0  # of the softmax that turns correlations into a confidence; the most likely value on the tuning songs
MIN_DURATION_S = 3.0

Tones = NDArray[np.floating]


def find_key(tones: Tones) -> tuple[Key | None, str | None]:
    """The key of a sound with this mean chroma of twelve tones from C, or None and the reason."""
    fits = _profile_correlations(tones)
    best = int(fits.argmax())
    if not fits[best] >= MIN_FIT:
        return None, "No key stands out: the tones fit none of the 24 well"
    shares = np.exp(SHARPNESS * (fits - fits[best]))
    mode = tuple(PROFILES)[best // 12]
    return Key(TONICS[best % 12], mode, round(float(1 / shares.sum()), 4)), None


def _profile_correlations(tones: Tones) -> NDArray[np.float64]:
    """The correlation with each profile: the major keys from C, then the minor ones."""
    own = _normalise(np.asarray(tones, float))
    return np.array(
        [own @ np.roll(_normalise(np.array(one)), tonic) for one in PROFILES.values() for tonic in range(12)]
    )


def _normalise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-12))
