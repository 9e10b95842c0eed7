"""Sounds for tests: clicks at a known tempo, and files in every format."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

RATE_HZ = 44_100
Signal = NDArray[np.float64]


def click_track(times_s: Signal, seconds: float, *, rate_hz: int = RATE_HZ) -> Signal:
    """A short tone at each time."""
    out = np.zeros(int(seconds * rate_hz))
    at = np.arange(int(0.03 * rate_hz)) / rate_hz
    tone = 0.6 * np.sin(2 * np.pi * 1000 * at) * np.exp(-at / 0.005)
    for time in times_s:
        start = round(float(time) * rate_hz)
        out[start : start + len(tone)] += tone[: max(0, len(out) - start)]
    return out


def even_click_track(bpm: float, seconds: float, *, rate_hz: int = RATE_HZ) -> Signal:
    return click_track(np.arange(0, seconds, 60 / bpm), seconds, rate_hz=rate_hz)


def swelling_chords(times_s: Signal, seconds: float, *, seed: int = 6) -> Signal:
    """Chords as of strings, which swell for a tenth to a quarter of a second, on the beats and between them."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * RATE_HZ))
    gaps_s = np.diff(times_s)
    between = [times_s[:-1] + share * gaps_s for share in (0.33, 0.5, 0.75)]
    offbeat = np.concatenate([some[rng.random(len(some)) < 0.6] for some in between])
    for start_s, loud in [*((time, 1.0) for time in times_s), *((time, 0.8) for time in offbeat)]:
        length = rng.uniform(0.7, 1.6)
        at = np.arange(int(length * RATE_HZ)) / RATE_HZ
        swell = np.minimum(at / rng.uniform(0.08, 0.25), 1) * np.minimum((length - at) / 0.4, 1)
        pitch_hz = 220 * 2 ** (rng.integers(0, 24) / 12)
        tone = np.sum([np.sin(2 * np.pi * pitch_hz * part * at) / part for part in range(1, 5)], axis=0)
        first = round((start_s + rng.normal(0, 0.03)) * RATE_HZ)
        room = out[max(first, 0) : first + len(tone)]
        room += (0.05 * loud * rng.uniform(0.5, 1) * swell * tone)[: len(room)]
    return out + rng.normal(0, 0.002, len(out))


def write_wav(path: Path, signal: Signal, *, rate_hz: int = RATE_HZ, channels: int = 1) -> Path:
    samples = np.repeat((np.clip(signal, -1, 1) * 32767).astype("<i2")[:, None], channels, axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return path


def encode(path: Path, signal: Signal, codec: str, *, rate_hz: int = RATE_HZ) -> Path:
    """Write the signal as a file; the extension selects the format."""
    samples = np.repeat(signal.astype(np.float32)[None, :], 2, axis=0)
    with av.open(str(path), "w") as container:
        stream = cast(AudioStream, container.add_stream(codec, rate=rate_hz))
        stream.layout = "stereo"
        for start in range(0, samples.shape[1], 4800):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + 4800]), "fltp", "stereo")
            frame.sample_rate, frame.pts = rate_hz, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
