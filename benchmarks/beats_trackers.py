"""The beat trackers: Tower, and those that it is compared with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.beats_band import RATE_HZ
from tower.beats.analysis import analyse, heard
from tower.beats.onsets import HOP, LEAD, Onsets, onsets
from tower.beats.results import TempoHint
from tower.beats.sound import RATE_HZ as HEARD_HZ
from tower.beats.sound import Sound

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Guess:
    """The result of a tracker for one file."""

    beats_s: Times
    bpm: float | None


Tracker = Callable[[Path], Guess]


def trackers() -> dict[str, Tracker]:
    found: dict[str, Tracker] = {
        "Tower": ours,
        "our tracker on librosa's onsets": librosa_features,
        "librosa": librosa_plain,
    }
    return found | ({"aubio": aubio} if shutil.which("aubio") else {})


def ours(path: Path) -> Guess:
    found = analyse(path)
    return Guess(np.array(found.beat_times_s), found.bpm)


def librosa_plain(path: Path) -> Guess:
    import librosa

    samples, rate_hz = librosa.load(path, sr=22_050)
    tempo, beats = librosa.beat.beat_track(y=samples, sr=rate_hz, units="time")
    return Guess(np.asarray(beats), float(np.atleast_1d(tempo)[0]))


def librosa_features(path: Path) -> Guess:
    """Tower's tracking on librosa's onset strength."""
    import librosa

    samples, _ = librosa.load(path, sr=HEARD_HZ)
    samples = np.concatenate([np.zeros(LEAD * HOP, np.float32), samples, np.zeros(LEAD * HOP, np.float32)])
    own = onsets([samples[LEAD * HOP : -LEAD * HOP]])
    rise = librosa.onset.onset_strength(y=samples, sr=HEARD_HZ, hop_length=HOP, n_fft=1024, lag=2, center=False).astype(
        np.float32
    )
    count = min(len(rise), len(own.rise))
    curves = Onsets(rise[:count], 0 * own.bass[:count], own.parts[:count], own.level_db[:count], own.chroma)
    found = heard(curves, Sound(path.name, RATE_HZ, len(samples) - 2 * LEAD * HOP), TempoHint())
    return Guess(np.array(found.beat_times_s), found.bpm)


def aubio(path: Path) -> Guess:
    process = subprocess.run(["aubio", "beat", str(path)], capture_output=True, text=True, check=True)
    beats = np.array([float(line.split()[0]) for line in process.stdout.splitlines() if line.strip()])
    bpm = 60 / float(np.median(np.diff(beats))) if len(beats) > 2 else None
    return Guess(beats, bpm)
