"""Finds key, sections, energy and drops of a file with known beats.

This imports librosa: only the analysis processes may import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tower.beats.sound import open_sound
from tower.beats.structure import energy, key, sections
from tower.beats.structure.features import FPS, Features, compute_features
from tower.beats.structure.results import Key, Section, Structure

SILENCE_POWER = 1e-8  # −80 dB: fainter sound has neither key nor sections
MIN_BEATS = 16
STEP_S = 0.5  # stands in for a beat where there is none


def find_structure(
    source: Path | IO[bytes], beats_s: Sequence[float], downbeats_s: Sequence[float], *, name: str | None = None
) -> Structure:
    """Find the structure of the first sound track of a file with known beats. Errors call the file `name`.

    It takes CPU time: a service uses `tower.beats.pool` instead. Raises MediaUnreadableError.
    """
    with open_sound(source, name=name) as (sound, pieces):
        found = compute_features(pieces)
        return build_structure(found, sound.duration_s, np.array(beats_s, float), np.array(downbeats_s, float))


def build_structure(
    found: Features, duration_s: float, beats_s: NDArray[np.float64], downbeats_s: NDArray[np.float64]
) -> Structure:
    """Build the structure from the features of a whole sound."""
    sounding = found.power > SILENCE_POWER
    tones = _mean_chroma(found.chroma[sounding])
    home, no_key = _find_key(tones, duration_s)
    parts, no_sections = _find_sections(found, duration_s, beats_s, downbeats_s)
    starts_s = np.array([part.start_s for part in parts[1:]])
    values, step_s = energy.energy_curve(found.power, FPS)
    return Structure(
        key=home,
        no_key=no_key,
        chroma=tuple(round(float(one), 3) for one in tones / tones.max()) if len(tones) else (),
        sections=parts,
        no_sections=no_sections,
        energy=values,
        energy_step_s=round(step_s, 4),
        drops=energy.find_drops(found.power, FPS, starts_s=starts_s, beats_s=beats_s),
    )


def _mean_chroma(chroma: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean chroma, with each frame scaled to a maximum of 1; empty for silence."""
    if not len(chroma):
        return np.zeros(0)
    return np.asarray((chroma / np.maximum(chroma.max(axis=1, keepdims=True), 1e-9)).mean(axis=0), float)


def _find_key(tones: NDArray[np.float64], duration_s: float) -> tuple[Key | None, str | None]:
    if not len(tones):
        return None, "It is silent"
    if duration_s < key.MIN_DURATION_S:
        return None, f"It is shorter than {key.MIN_DURATION_S:.0f} s"
    return key.find_key(tones)


def _find_sections(
    found: Features, duration_s: float, beats_s: NDArray[np.float64], downbeats_s: NDArray[np.float64]
) -> tuple[tuple[Section, ...], str | None]:
    if not (found.power > SILENCE_POWER).any():
        return (), "It is silent"
    if duration_s < sections.MIN_DURATION_S:
        return (), f"It is shorter than {sections.MIN_DURATION_S:.0f} s"
    if duration_s > sections.MAX_DURATION_S:
        return (), f"It is longer than {sections.MAX_DURATION_S / 60:.0f} minutes, the limit for sections"
    steps = _make_steps(found, duration_s, beats_s, downbeats_s)
    bounds = sections.find_boundaries(steps)
    if not bounds:
        return (), "Nothing in it changes enough to begin another section"
    starts = [0.0, *(float(steps.times_s[at]) for at in bounds)]
    labels = sections.label_sections(steps, bounds)
    return tuple(
        Section(round(start, 4), round(end, 4), label, energy.mean_amplitude(found.power, FPS, start, end))
        for start, end, label in zip(starts, [*starts[1:], duration_s], labels, strict=True)
    ), None


def _make_steps(
    found: Features, duration_s: float, beats_s: NDArray[np.float64], downbeats_s: NDArray[np.float64]
) -> sections.BeatFeatures:
    """Divide the sound at its beats, and into half seconds where there are none or too few of them."""
    if len(beats_s) < MIN_BEATS:
        times = np.arange(0, duration_s, STEP_S)
    else:
        before = np.arange(beats_s[0] - STEP_S, 0, -STEP_S)[::-1]
        times = np.concatenate([before, beats_s, np.arange(beats_s[-1] + STEP_S, duration_s, STEP_S)])
    times = times[times < duration_s - 0.1]
    starts = np.minimum(np.round(times * FPS).astype(int), len(found.power) - 1)
    starts, kept = np.unique(starts, return_index=True)
    counts = np.diff(np.append(starts, len(found.power)))[:, None]
    chroma, timbre = (np.add.reduceat(rows, starts, axis=0) / counts for rows in (found.chroma, found.timbre))
    return sections.BeatFeatures(
        times[kept],
        np.isin(times[kept], downbeats_s),
        np.log1p(chroma) / np.maximum(np.log1p(chroma).max(axis=1, keepdims=True), 1e-9),
        (timbre - timbre.mean(axis=0)) / np.maximum(timbre.std(axis=0), 1e-6),
    )
