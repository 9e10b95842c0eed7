"""Chords whose key is known, and songs of sections that differ."""

from __future__ import annotations

import numpy as np

from tests.tower.beats.sounds import Signal

RATE_HZ = 22_050
C_MAJOR = ((60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67))
A_MINOR = ((57, 60, 64), (62, 65, 69), (64, 67, 71), (57, 60, 64))


def tone(midi: float, seconds: float, *, partials: int = 4) -> Signal:
    times_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((midi - 69) / 12)
    signal: Signal = sum(
        (np.sin(2 * np.pi * hz * k * times_s) / k for k in range(1, partials + 1)), np.zeros(len(times_s))
    )
    return signal * np.minimum(1, (seconds - times_s) / 0.02) * np.minimum(1, times_s / 0.005)


def chords(pitches: tuple[tuple[int, ...], ...], bars: int, *, up: int = 0, loud: float = 0.08) -> Signal:
    """One chord per bar at 120 BPM, struck on every beat."""
    played = [sum(tone(pitch + up, 0.5) for pitch in pitches[bar % len(pitches)]) for bar in range(bars)]
    return np.concatenate([loud * np.tile(bar, 4) for bar in played])


def noise(seconds: float, loud: float = 0.1) -> Signal:
    return np.random.default_rng(3).normal(0, loud, int(seconds * RATE_HZ))


def with_drums(sound: Signal, loud: float = 0.4) -> Signal:
    """A burst of noise on each beat of 120 BPM."""
    burst = np.exp(-np.arange(RATE_HZ // 2) / 900) * np.random.default_rng(5).normal(0, loud, RATE_HZ // 2)
    return sound + np.resize(burst, len(sound))


def three_parts() -> Signal:
    """A quiet part of 24 s, a loud one with other chords, and the first again."""
    quiet = chords(C_MAJOR, 12, loud=0.03)
    loud = with_drums(chords(((57, 60, 64), (65, 69, 72)), 12, loud=0.1))
    return 0.4 * np.concatenate([quiet, loud, quiet])
