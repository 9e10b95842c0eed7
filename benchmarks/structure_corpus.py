"""Songs of which key, sections and drops are known: the band of the beat corpus plays diatonic chords in a form.

Even numbers are for tuning, odd ones held back; four genres are held back whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.beats_band import RATE_HZ, Band, Signal
from benchmarks.beats_corpus import HELD_BACK_WHOLE, TEMPOS
from benchmarks.beats_genres import GENRES, Genre

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROGRESSIONS = {  # degrees from 1, one a bar
    "major": ((1, 5, 6, 4), (6, 4, 1, 5), (4, 5, 3, 6), (1, 6, 4, 5), (2, 5, 1, 6), (1, 4, 1, 5), (4, 1, 5, 1)),
    "minor": ((1, 6, 3, 7), (1, 4, 5, 1), (1, 7, 6, 5), (1, 6, 4, 5), (4, 1, 5, 1), (6, 7, 1, 1), (1, 3, 7, 4)),
}
FORMS = (  # label and bars
    "I4 A8 B8 A8 B8 C8 B8 O4",
    "I4 A8 P4 C8 A8 P4 C8 D8 C8",
    "A8 A8 B8 A8 C8 A8",
    "I8 A16 B8 A8 B8",
    "A8 B8 A8 B8 C4 B8",
    "I4 A8 B12 A8 B12 O8",
)
QUIET = ("I", "O", "D")  # no drums, no bass: what follows is a drop if it has both
LAYERS = ("kick", "snare", "hat", "bass", "chord")


@dataclass(frozen=True)
class Song:
    """`tonic`: 0–11 from C. `bounds_s`: where sections begin, and the end; `labels` of the sections."""

    name: str
    held_back: bool
    samples: Signal
    tonic: int
    mode: str
    bounds_s: Signal
    labels: tuple[str, ...]
    drops_s: tuple[float, ...]

    @property
    def intervals(self) -> Signal:
        return np.column_stack([self.bounds_s[:-1], self.bounds_s[1:]])


@dataclass(frozen=True)
class Sketch:
    """How sections of one label are played. `colour`: partials of the chords; `level`: of everything."""

    progression: tuple[int, ...]
    silent: tuple[str, ...]
    colour: int
    octave: int
    melody: float
    level: float


class SongBand(Band):
    """Plays the sketch of each bar's section, in one key."""

    def __init__(self, rng: np.random.Generator, style: Genre, times: Signal, *, scale: Sequence[int]) -> None:
        super().__init__(rng, style, times)
        self.low = int(rng.integers(40, 52))
        self.scale = scale
        self.sketches: list[Sketch] = []

    def follow(self, sketches: Sequence[Sketch], starts: Sequence[int]) -> None:
        """A sketch for each bar, and where in its section the bar is."""
        self.sketches = list(sketches)
        self.degrees = [one.progression[at % 4] for one, at in zip(sketches, starts, strict=True)]
        self.roots = [self.low + self._step(degree - 1) for degree in self.degrees]

    def _step(self, steps: int) -> int:
        return self.scale[steps % 7] + 12 * (steps // 7)

    def _pattern(self, part: str, strike: Callable[[int, float, float], None]) -> None:
        def in_its_section(bar: int, when: float, loud: float) -> None:
            if part not in self.sketches[bar].silent:
                strike(bar, when, loud * self.sketches[bar].level)

        super()._pattern(part, in_its_section)

    def _chord(self, bar: int, when: float, loud: float) -> None:
        sketch = self.sketches[bar]
        for third in (0, 2, 4):
            pitch = self.low + self._step(self.degrees[bar] - 1 + third) + 12 * sketch.octave
            self._tone(pitch, when, 0.07 * loud, 0.7, sketch.colour, self.style.attack_s)

    def _melody(self) -> None:
        for place in np.arange(0, len(self.times) - 1, 0.5):
            bar = min(int(place // self.style.beats), self.bars - 1)
            sketch = self.sketches[bar]
            if self.rng.random() < self.style.melody * sketch.melody / 2:
                step = int(self.rng.choice([0, 2, 4, 1, 3, 5, 6], p=(0.3, 0.2, 0.2, 0.1, 0.08, 0.08, 0.04)))
                pitch = self.low + self._step(self.degrees[bar] - 1 + step) + 24
                self._tone(pitch, self._when(place), 0.09 * sketch.level, 0.35, 5, max(0.015, self.style.attack_s))


def songs(numbers: Sequence[int]) -> list[Song]:
    return [song(number) for number in numbers]


def song(number: int) -> Song:
    rng = np.random.default_rng(31_000 + number)
    held_back = bool(number % 2)
    genre = str(rng.choice([one for one in GENRES if held_back or one not in HELD_BACK_WHOLE]))
    mode = str(rng.choice(["major", "minor"]))
    style = GENRES[genre]
    form = [(part[0], int(part[1:])) for part in FORMS[rng.integers(len(FORMS))].split()]
    bars = sum(count for _, count in form)
    bpm = float(next(one for one in TEMPOS[genre] if one) * rng.uniform(0.92, 1.08))
    times = 0.35 + np.arange(bars * style.beats + 1) * 60 / bpm
    band = SongBand(rng, style, times, scale=SCALES[mode])
    sketches = _sketches(rng, mode, [label for label, _ in form])
    in_bars = [(sketches[label], at) for label, count in form for at in range(count)]
    band.follow([one for one, _ in in_bars], [at for _, at in in_bars])
    samples = band.play()
    samples += rng.normal(0, 0.003, len(samples))
    starts = np.cumsum([0, *(count for _, count in form)]) * style.beats
    labels = tuple(label for label, _ in form)
    bounds = np.append(times[starts[:-1]], len(samples) / RATE_HZ)
    return Song(
        f"song {number} ({genre}, {mode}, {bpm:.0f} BPM)",
        held_back,
        samples / np.abs(samples).max() * 0.8,
        band.low % 12,
        mode,
        np.concatenate([[0.0], bounds[1:]]),
        labels,
        tuple(
            float(times[start])
            for before, label, start in zip(labels, labels[1:], starts[1:], strict=False)
            if before in QUIET and label not in QUIET and style.drums >= 0.5
        ),
    )


def _sketches(rng: np.random.Generator, mode: str, labels: Sequence[str]) -> dict[str, Sketch]:
    progressions = rng.permutation(len(PROGRESSIONS[mode]))
    return {
        label: Sketch(
            progression=PROGRESSIONS[mode][progressions[place % len(progressions)]],
            silent=("kick", "snare", "bass") if label in QUIET else tuple(rng.choice(LAYERS[:3], rng.integers(2))),
            colour=int(rng.integers(2, 9)),
            octave=int(rng.integers(1, 3)),
            melody=float(rng.choice([0.3, 0.8, 1.3])),
            level=0.6 if label in QUIET else float(rng.uniform(0.75, 1.0)),
        )
        for place, label in enumerate(dict.fromkeys(labels))
    }
