"""A synthetic band of sines and noise that plays a style on given beats."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.beats_genres import Genre

RATE_HZ = 44_100
Signal = NDArray[np.float64]


class Band:
    """Plays the bars between the given beats."""

    def __init__(self, rng: np.random.Generator, style: Genre, times: Signal) -> None:
        self.rng, self.style, self.times = rng, style, times
        self.out = np.zeros(int((times[-1] + 1.5) * RATE_HZ))
        self.steps = 4 * style.beats
        self.bars = int(np.ceil((len(times) - 1) / style.beats))
        key = int(rng.integers(40, 52))
        degrees = ((0, 9, 5, 7), (0, 7, 9, 5), (9, 5, 0, 7), (0, 5, 7, 5))[rng.integers(4)]
        self.roots = [key + degrees[bar // (1 + self.bars // 40) % 4] for bar in range(self.bars)]
        self.patterns = {
            part: str(rng.choice(getattr(style, part))) for part in ("kick", "snare", "hat", "bass", "chord")
        }

    def play(self) -> Signal:
        rng, drums = self.rng, self.style.drums
        kick, snare, hat = (
            _kick(rng),
            0.5 * noise_hit(rng, 0.18, 180, 7000),
            0.18 * noise_hit(rng, rng.uniform(0.03, 0.08), 6000, 15000),
        )
        for part, sound in (("kick", kick), ("snare", snare), ("hat", hat)):
            self._pattern(part, self._drum(drums * sound))
        self._pattern("bass", lambda bar, when, loud: self._tone(self.roots[bar] - 12, when, 0.22 * loud, 0.3, 4))
        self._pattern("chord", self._chord)
        self._melody()
        return self.out

    def _drum(self, sound: Signal) -> Callable[[int, float, float], None]:
        return lambda _, when, loud: mix_in(self.out, loud * sound, when)

    def _pattern(self, part: str, strike: Callable[[int, float, float], None]) -> None:
        pattern = self.patterns[part]
        for bar in range(self.bars):
            quiet = part in ("kick", "snare") and bar % 16 in (8,)  # a break
            for step, mark in enumerate(pattern[: self.steps]):
                sounds = mark in "xo" or (mark == "?" and self.rng.random() < 0.4)
                place = bar * self.style.beats + step / 4
                if sounds and not quiet and place < len(self.times) - 1:
                    strike(bar, self._when(place), (1.0 if mark == "x" else 0.5) * self.rng.uniform(0.8, 1))

    def _when(self, place: float) -> float:
        """The time in seconds of a position in beats, with swing for off-beat eighths and sixteenths."""
        whole, part = divmod(place, 1)
        step = round(part * 4)
        swung = (
            0,
            self.style.swing * self.style.swing_16,
            self.style.swing,
            self.style.swing + (1 - self.style.swing) * self.style.swing_16,
        )[step]
        at = int(whole)
        when = self.times[at] + (self.times[at + 1] - self.times[at]) * swung
        return float(max(0, when + self.rng.normal(0, self.style.loose_ms / 1000)))

    def _chord(self, bar: int, when: float, loud: float) -> None:
        for step in (12, 16, 19):
            self._tone(self.roots[bar] + step, when, 0.06 * loud, 0.6, 6, self.style.attack_s)

    def _melody(self) -> None:
        for place in np.arange(0, len(self.times) - 1, 0.5):
            on_beat = place % 1 == 0
            if self.rng.random() < self.style.melody / 2 * (1.1 if on_beat else 0.9):
                bar = min(int(place // self.style.beats), self.bars - 1)
                pitch = self.roots[bar] + 24 + int(self.rng.choice([0, 2, 4, 7, 9]))
                self._tone(pitch, self._when(place), 0.09, 0.35, 5, max(0.015, self.style.attack_s))

    def _tone(  # noqa: PLR0917 - a note is that many numbers
        self, pitch: int, when: float, loud: float, length: float, partials: int, attack_s: float = 0.005
    ) -> None:
        mix_in(self.out, loud * _tone(pitch, length, partials, attack_s), when)


@cache
def _tone(pitch: int, length: float, partials: int, attack_s: float) -> Signal:
    at = np.arange(int(length * RATE_HZ)) / RATE_HZ
    hz = 440 * 2 ** ((pitch - 69) / 12)
    wave: Signal = sum((np.sin(2 * np.pi * hz * k * at) / k for k in range(1, partials + 1)), np.zeros(len(at)))
    return np.asarray(
        wave * np.minimum(1, at / attack_s) * np.exp(-3 * at / length) * np.minimum(1, (length - at) / 0.02)
    )


def _kick(rng: np.random.Generator) -> Signal:
    at = np.arange(int(0.16 * RATE_HZ)) / RATE_HZ
    low = rng.uniform(45, 60)
    return np.asarray(0.9 * np.sin(2 * np.pi * (low * at + 6 * (1 - np.exp(-at / 0.02)))) * np.exp(-at / 0.06))


def noise_hit(rng: np.random.Generator, length: float, low_hz: float, high_hz: float) -> Signal:
    count = int(length * RATE_HZ)
    return filtered(rng.normal(0, 1, count), low_hz, high_hz) * np.exp(-np.arange(count) / count * 5)


def filtered(signal: Signal, low_hz: float, high_hz: float) -> Signal:
    spectrum = np.fft.rfft(signal)
    hz = np.fft.rfftfreq(len(signal), 1 / RATE_HZ)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    found: Signal = np.fft.irfft(spectrum, len(signal))
    return found


def mix_in(out: Signal, sound: Signal, when: float) -> None:
    start = int(when * RATE_HZ)
    end = min(len(out), start + len(sound))
    if end > start:
        out[start:end] += sound[: end - start]
