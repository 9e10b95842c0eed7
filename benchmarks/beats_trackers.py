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
from tower.beats.analysis import analyse, analyse_onsets
from tower.beats.onsets import HOP_SAMPLES, LEAD_FRAMES, Onsets, compute_onsets
from tower.beats.results import TempoHint
from tower.beats.sound import RATE_HZ as HEARD_HZ
from tower.beats.sound import SoundStream

Times = NDArray[np.float64]


@dataclass(frozen=True)
class BeatEstimate:
    """The result of a tracker for one file."""

    beats_s: Times
    bpm: float | None


Tracker = Callable[[Path], BeatEstimate]


def list_trackers() -> dict[str, Tracker]:
    found: dict[str, Tracker] = {
        "Tower": track_with_tower,
        "our tracker on librosa's onsets": track_librosa_features,
        "librosa": track_with_librosa,
    }
    return found | ({"aubio": track_with_aubio} if shutil.which("aubio") else {})


def track_with_tower(path: Path) -> BeatEstimate:
    found = analyse(path)
    return BeatEstimate(np.array(found.beat_times_s), found.bpm)


def track_with_librosa(path: Path) -> BeatEstimate:
    import librosa

    samples, rate_hz = librosa.load(path, sr=22_050)
    tempo, beats = librosa.beat.beat_track(y=samples, sr=rate_hz, units="time")
    return BeatEstimate(np.asarray(beats), float(np.atleast_1d(tempo)[0]))


def track_librosa_features(path: Path) -> BeatEstimate:
    """Tower's tracking on librosa's onset strength."""
    import librosa

    samples, _ = librosa.load(path, sr=HEARD_HZ)
    samples = np.concatenate(
        [np.zeros(LEAD_FRAMES * HOP_SAMPLES, np.float32), samples, np.zeros(LEAD_FRAMES * HOP_SAMPLES, np.float32)]
    )
    own = compute_onsets([samples[LEAD_FRAMES * HOP_SAMPLES : -LEAD_FRAMES * HOP_SAMPLES]])
    rise = librosa.onset.onset_strength(
        y=samples, sr=HEARD_HZ, hop_length=HOP_SAMPLES, n_fft=1024, lag=2, center=False
    ).astype(np.float32)
    count = min(len(rise), len(own.rise))
    curves = Onsets(rise[:count], 0 * own.bass[:count], own.band_rises[:count], own.level_db[:count], own.chroma)
    found = analyse_onsets(
        curves, SoundStream(path.name, RATE_HZ, len(samples) - 2 * LEAD_FRAMES * HOP_SAMPLES), TempoHint()
    )
    return BeatEstimate(np.array(found.beat_times_s), found.bpm)


def track_with_aubio(path: Path) -> BeatEstimate:
    process = subprocess.run(["aubio", "beat", str(path)], capture_output=True, text=True, check=True)
    beats = np.array([float(line.split()[0]) for line in process.stdout.splitlines() if line.strip()])
    bpm = 60 / float(np.median(np.diff(beats))) if len(beats) > 2 else None
    return BeatEstimate(beats, bpm)
