"""The whole way from a file and its beats to key, sections, energy and drops.

It imports librosa: only the processes that listen may import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tower.beats.sound import open_sound
from tower.beats.structure import energy, key, sections
from tower.beats.structure.features import FPS, Features, features
from tower.beats.structure.results import Key, Section, Structure

SILENT = 1e-8  # of power (−80 dB): what is fainter has neither key nor sections
FEWEST_BEATS = 16
STEP_S = 0.5  # of a sound without beats


def find_structure(
    source: Path | IO[bytes], beats_s: Sequence[float], downbeats_s: Sequence[float], *, name: str | None = None
) -> Structure:
    """The structure of the first sound track of a file whose beats are known. `name` is what errors call the file.

    It takes CPU time: a service asks `tower.beats.pool` instead. Raises MediaUnreadableError.
    """
    with open_sound(source, name=name) as (sound, pieces):
        found = features(pieces)
        return structure_of(found, sound.duration_s, np.array(beats_s, float), np.array(downbeats_s, float))


def structure_of(
    found: Features, duration_s: float, beats_s: NDArray[np.float64], downbeats_s: NDArray[np.float64]
) -> Structure:
    """What these features of a sound that was read to its end say."""
    sounding = found.power > SILENT
    tones = _tones(found.chroma[sounding])
    home, no_key = _key(tones, duration_s)
    parts, no_sections = _sections(found, duration_s, beats_s, downbeats_s)
    values, step_s = energy.curve(found.power, FPS)
    return Structure(
        key=home,
        no_key=no_key,
        chroma=tuple(round(float(one), 3) for one in tones / tones.max()) if len(tones) else (),
        sections=parts,
        no_sections=no_sections,
        energy=values,
        energy_step_s=round(step_s, 4),
        drops=energy.drops(found.power, FPS, starts_s=np.array([part.start_s for part in parts[1:]]), beats_s=beats_s),
    )


def _tones(chroma: NDArray[np.float32]) -> NDArray[np.float64]:
    """How much of each tone there is, every frame counting alike; empty for silence."""
    if not len(chroma):
        return np.zeros(0)
    return np.asarray((chroma / np.maximum(chroma.max(axis=1, keepdims=True), 1e-9)).mean(axis=0), float)


def _key(tones: NDArray[np.float64], duration_s: float) -> tuple[Key | None, str | None]:
    if not len(tones):
        return None, "It is silent"
    if duration_s < key.SHORTEST_S:
        return None, f"It is shorter than {key.SHORTEST_S:.0f} s"
    return key.key_of(tones)


def _sections(
    found: Features, duration_s: float, beats_s: NDArray[np.float64], downbeats_s: NDArray[np.float64]
) -> tuple[tuple[Section, ...], str | None]:
    if not (found.power > SILENT).any():
        return (), "It is silent"
    if duration_s < sections.SHORTEST_S:
        return (), f"It is shorter than {sections.SHORTEST_S:.0f} s"
    if duration_s > sections.LONGEST_S:
        return (), f"It is longer than {sections.LONGEST_S / 60:.0f} minutes, and sections are looked for up to there"
    steps = _steps(found, duration_s, beats_s, downbeats_s)
    bounds = sections.bounds_of(steps)
    if not bounds:
        return (), "Nothing in it changes enough to begin another section"
    starts = [0.0, *(float(steps.times_s[at]) for at in bounds)]
    labels = sections.labels_of(steps, bounds)
    return tuple(
        Section(round(start, 4), round(end, 4), label, energy.mean_share(found.power, FPS, start, end))
        for start, end, label in zip(starts, [*starts[1:], duration_s], labels, strict=True)
    ), None


def _steps(
    found: Features, duration_s: float, beats_s: NDArray[np.float64], downbeats_s: NDArray[np.float64]
) -> sections.Steps:
    """Beats, and before the first and after the last of them half seconds; half seconds only where there are few."""
    if len(beats_s) < FEWEST_BEATS:
        times = np.arange(0, duration_s, STEP_S)
    else:
        before = np.arange(beats_s[0] - STEP_S, 0, -STEP_S)[::-1]
        times = np.concatenate([before, beats_s, np.arange(beats_s[-1] + STEP_S, duration_s, STEP_S)])
    times = times[times < duration_s - 0.1]
    starts = np.minimum(np.round(times * FPS).astype(int), len(found.power) - 1)
    starts, kept = np.unique(starts, return_index=True)
    counts = np.diff(np.append(starts, len(found.power)))[:, None]
    chroma, timbre = (np.add.reduceat(rows, starts, axis=0) / counts for rows in (found.chroma, found.timbre))
    return sections.Steps(
        times[kept],
        np.isin(times[kept], downbeats_s),
        np.log1p(chroma) / np.maximum(np.log1p(chroma).max(axis=1, keepdims=True), 1e-9),
        (timbre - timbre.mean(axis=0)) / np.maximum(timbre.std(axis=0), 1e-6),
    )
