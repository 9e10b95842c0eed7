"""Synthesised music with known beats (drums, bass, chords, a melody), and sounds without beats.

A name identifies a track. Tracks of the set "tuning" may be used to change the method, those of the set "held back"
only to measure it. The sets share genres, but no patterns, notes or tempos; four genres are only in the held-back set.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.beats_band import RATE_HZ, Band, Signal, filtered, mix_in, noise_hit
from benchmarks.beats_genres import GENRES, GROOVE, MIXED, Genre, mix_genres, random_groove

HELD_BACK_WHOLE = ("waltz", "reggae", "funk", "synthwave")
MIXED_FROM, MIXED_SHARE = 1000, 0.5  # tuning tracks from this number on, and the share of them that is MIXED
TEMPOS = {  # tuning, held back
    "rock": (112, 138.5),
    "house": (124, 128),
    "ballad": (66, 72.4),
    "swing": (132, 150),
    "drum and bass": (172, 168.3),
    "anime pop": (166, 182),
    "hip hop": (88, 94.6),
    "orchestra": (84, 97),
    "metal": (110, 95),
    "latin": (102, 118.7),
    "piano": (78, 105),
    "waltz": (None, 144),
    "reggae": (None, 76),
    "funk": (None, 108.2),
    "synthwave": (None, 100.6),
}


@dataclass(frozen=True)
class Track:
    """`beats_s` and `downbeats_s` are empty for sounds without beats; `bpm` is that of the longest even part, or None.
    `changes` is the true number of tempo changes; None for a ramp, which has no exact number."""

    name: str
    held_back: bool
    genre: str
    samples: Signal
    beats_s: Signal
    downbeats_s: Signal
    bpm: float | None
    changes: int | None


def build_corpus(*, held_back: bool, seconds: float = 60) -> list[Track]:
    """The fixed tracks of one half."""
    half = int(held_back)
    made = [
        synthesise_track(f"{genre}, even", genre, even_beats(bpm, seconds), held_back=held_back)
        for genre, tempos in TEMPOS.items()
        if (bpm := tempos[half])
    ]
    one, two = (("rock", "anime pop"), ("house", "funk"))[half]
    made += [
        synthesise_track(
            "tempo step",
            one,
            _steps([(120, 30), (140, 30)] if not half else [(98, 28), (126, 36)]),
            held_back=held_back,
            changes=1,
        ),
        synthesise_track(
            "two steps",
            two,
            _steps([(150, 24), (130, 24), (164, 24)] if not half else [(124, 26), (108, 22), (132, 24)]),
            held_back=held_back,
            changes=2,
        ),
        synthesise_track(
            "ramp up", one, _ramp(*((100, 130) if not half else (88, 112)), seconds), held_back=held_back, changes=None
        ),
        synthesise_track(
            "slow tempo", two if half else "piano", even_beats((62, 57)[half], seconds), held_back=held_back
        ),
        synthesise_track(
            "fast tempo", "metal" if half else "rock", even_beats((188, 178)[half], seconds), held_back=held_back
        ),
        synthesise_track(
            "rubato introduction",
            ("ballad", "piano")[half],
            _rubato((76, 92)[half], seconds),
            held_back=held_back,
            changes=None,
        ),
        synthesise_track(
            "silence in the middle", one, even_beats((126, 115)[half], seconds), held_back=held_back, hole=(24.0, 31.0)
        ),
    ]
    made += [synthesise_beatless(name, held_back=held_back) for name in BEATLESS]
    return made


def random_track(number: int, seconds: float = 45) -> Track:
    """A track for the fit of the confidence: any genre at any of its tempos; every twelfth has no beat.

    Even numbers are for tuning, odd ones held back. Held-back genres occur only at odd numbers.
    """
    held_back = bool(number % 2)
    rng = np.random.default_rng(7_000 + number)
    if number % 12 in (10, 11):
        return synthesise_beatless(sorted(BEATLESS)[number // 12 % len(BEATLESS)], held_back=held_back, salt=number)
    genres = [genre for genre in GENRES if held_back or genre not in HELD_BACK_WHOLE]
    genre = GROOVE if rng.random() < 0.25 else str(rng.choice(genres))
    if not held_back and number >= MIXED_FROM and rng.random() < MIXED_SHARE:
        genre = MIXED
    bpm = float(np.clip(_typical(genre) * 2 ** rng.normal(0, 0.28), 55, 195))
    shape = rng.choice(4, p=(0.7, 0.12, 0.08, 0.1))
    beats = (
        even_beats(bpm, seconds)
        if shape == 0
        else _steps([(bpm, seconds / 2), (bpm * rng.choice([0.86, 1.15]), seconds / 2)])
        if shape == 1
        else _ramp(bpm, bpm * 1.2, seconds)
        if shape == 2
        else _rubato(bpm, seconds)
    )
    return synthesise_track(
        f"random {number}", genre, beats, held_back=held_back, changes=None, worn=float(rng.uniform(0, 1))
    )


def synthesise_track(
    name: str,
    genre: str,
    beats: tuple[Signal, float | None],
    *,
    held_back: bool,
    changes: int | None = 0,
    hole: tuple[float, float] | None = None,
    worn: float = 0.2,
) -> Track:
    """`genre` is one of GENRES, or GROOVE for random patterns; `worn` is the amount of noise, 0–1."""
    rng = np.random.default_rng(zlib.crc32(f"{name}/{held_back}".encode()))
    times, bpm = beats
    style = _style(rng, genre)
    samples = Band(rng, style, times).play()
    samples += rng.normal(0, 0.002 + 0.03 * max(0.0, worn - 0.5) * np.sqrt(np.mean(samples**2)) / 0.1, len(samples))
    inner = times[:-1]
    if hole:
        samples[int(hole[0] * RATE_HZ) : int(hole[1] * RATE_HZ)] = 0
        inner = inner[(inner < hole[0]) | (inner >= hole[1])]
    down = times[:-1][:: style.beats]
    return Track(
        f"{name} ({genre})" if genre not in name else name,
        held_back,
        genre,
        samples / np.abs(samples).max() * 0.8,
        inner,
        down[np.isin(down, inner)],
        bpm,
        changes,
    )


def synthesise_beatless(name: str, *, held_back: bool, salt: int = 0, seconds: float = 40) -> Track:
    rng = np.random.default_rng(zlib.crc32(f"{name}/{held_back}/{salt}".encode()))
    samples = BEATLESS[name](rng, int(seconds * RATE_HZ))
    return Track(name, held_back, "no beat", samples, np.zeros(0), np.zeros(0), None, 0)


def _silence(_: np.random.Generator, count: int) -> Signal:
    return np.zeros(count)


def _drone(rng: np.random.Generator, count: int) -> Signal:
    at = np.arange(count) / RATE_HZ
    root = rng.uniform(55, 160)
    swell = 1 + 0.2 * np.sin(2 * np.pi * at * rng.uniform(0.03, 0.09))
    sound = sum(np.sin(2 * np.pi * root * k * at + rng.uniform(0, 6)) / k for k in range(1, 9))
    return 0.2 * swell * sound + rng.normal(0, 0.001, count)


def _wind(rng: np.random.Generator, count: int) -> Signal:
    noise = filtered(rng.normal(0, 1, count), 100, 2500)
    gusts = rng.uniform(0.3, 1, count // RATE_HZ + 2)
    slow = np.interp(np.arange(count), np.arange(len(gusts)) * RATE_HZ, gusts)
    return 0.15 * noise * slow


def _speech(rng: np.random.Generator, count: int) -> Signal:
    """Voiced syllables of uneven length through two formants, with hisses and pauses for breath."""
    out, at = np.zeros(count), 0.2
    while at < count / RATE_HZ - 1:
        for _ in range(rng.integers(3, 12)):
            length = rng.gamma(6, 0.03)
            span = np.arange(int(length * RATE_HZ)) / RATE_HZ
            pitch = rng.uniform(95, 190) * (1 + rng.uniform(-0.2, 0.2) * span / length)
            phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
            formants = (rng.uniform(300, 800), rng.uniform(900, 2400))
            tones = sum(
                np.sin(k * phase) * sum(np.exp(-(((k * 140 - f) / 250) ** 2)) for f in formants) for k in range(1, 22)
            )
            voice = tones * np.sin(np.pi * span / length) ** 0.6 * rng.uniform(0.4, 1)
            if rng.random() < 0.35:
                voice = voice + rng.normal(0, 0.3, len(span)) * np.exp(-span / 0.03)
            mix_in(out, voice, at)
            at += length + abs(rng.normal(0, 0.03))
        at += rng.gamma(3, 0.15)
    return 0.2 * out


def _rain(rng: np.random.Generator, count: int) -> Signal:
    out = rng.normal(0, 0.01, count)
    for when in rng.uniform(0, count / RATE_HZ - 0.1, 25 * count // RATE_HZ):
        mix_in(out, noise_hit(rng, 0.02, 2000, 8000) * rng.gamma(1.5, 0.15), when)
    return out


BEATLESS: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "silence": _silence,
    "drone": _drone,
    "wind": _wind,
    "speech": _speech,
    "rain": _rain,
}


def _style(rng: np.random.Generator, genre: str) -> Genre:
    if genre == MIXED:
        return mix_genres(rng, [name for name in GENRES if name not in HELD_BACK_WHOLE])
    return random_groove(rng) if genre == GROOVE else GENRES[genre]


def _typical(genre: str) -> float:
    if genre in (GROOVE, MIXED):
        return 105
    return next(float(bpm) for bpm in TEMPOS[genre] if bpm)


def even_beats(bpm: float, seconds: float) -> tuple[Signal, float | None]:
    return np.arange(0.35, seconds, 60 / bpm), bpm


def _steps(parts: list[tuple[float, float]]) -> tuple[Signal, float | None]:
    times = [0.35]
    for bpm, seconds in parts:
        end = times[-1] + seconds
        while times[-1] < end:
            times.append(times[-1] + 60 / bpm)
    return np.array(times), max(parts, key=lambda part: part[1])[0] if len({part[1] for part in parts}) > 1 else None


def _ramp(low: float, high: float, seconds: float) -> tuple[Signal, float | None]:
    times = [0.35]
    while times[-1] < seconds:
        times.append(times[-1] + 60 / (low + (high - low) * times[-1] / seconds))
    return np.array(times), None


def _rubato(bpm: float, seconds: float) -> tuple[Signal, float | None]:
    """Twelve seconds in free time, then even."""
    rng = np.random.default_rng(int(bpm * 10))
    times = [0.35]
    while times[-1] < 12:
        times.append(times[-1] + 60 / bpm * (1.15 + 0.18 * np.sin(times[-1] * 0.9) + rng.normal(0, 0.03)))
    return np.concatenate([times, np.arange(times[-1] + 60 / bpm, seconds, 60 / bpm)]), bpm
