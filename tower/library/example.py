"""A short piece of music made by Tower itself, for trying what follows the beat without a file of one's own."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 44_100  # Hz
CHORDS_HZ = ((220.0, 261.6, 329.6), (174.6, 220.0, 261.6))  # one per bar, in turn
BEATS_PER_BAR = 4


def write_example(path: Path, *, bpm: float, length_s: float) -> Path:
    """Write drums and chords at a steady tempo as a WAV file, and return its path."""
    sound = _drums(bpm, length_s) + _chords(bpm, length_s)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((sound / np.abs(sound).max() * 0.8 * 32_767).astype("<i2").tobytes())
    return path


def _drums(bpm: float, length_s: float) -> NDArray[np.float64]:
    """A low drum on each beat, louder on the first of a bar, and a high one between them."""
    sound = np.zeros(round(length_s * SAMPLE_RATE))
    random = np.random.default_rng(0)
    time_s = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    low = np.sin(2 * np.pi * 90 * np.exp(-8 * time_s) * time_s) * np.exp(-18 * time_s)
    high = random.standard_normal(time_s.size) * np.exp(-90 * time_s) * 0.03
    for half_beat in range(int(length_s * bpm / 60 * 2)):
        start = round(half_beat * 30 / bpm * SAMPLE_RATE)
        loudness = 1.4 if half_beat % (2 * BEATS_PER_BAR) == 0 else 1.0
        hit = high if half_beat % 2 else low * loudness
        sound[start : start + hit.size] += hit[: sound.size - start]
    return sound


def _chords(bpm: float, length_s: float) -> NDArray[np.float64]:
    time_s = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    bar = (time_s * bpm / 60 / BEATS_PER_BAR).astype(int) % len(CHORDS_HZ)
    sound = np.zeros(time_s.size)
    for number, chord in enumerate(CHORDS_HZ):
        for tone_hz in chord:
            sound += np.where(bar == number, np.sin(2 * np.pi * tone_hz * time_s), 0.0)
    return sound * 0.08
