"""Films with flashes at known frames, tracks with clicks at known times, and detection of both in a finished file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from tower.media.encode import VideoWriter

RATE_HZ = 44_100
CLICK_S = 0.006
MIN_MATCH_SHARE = 0.2  # share of the best match; weaker matches are not clicks
Samples = npt.NDArray[np.float32]


def write_film(target: Path, flashes: Sequence[int], *, frames: int, fps: int = 24, side: int = 128) -> Path:
    """Grey frames that change a little, with white ones at `flashes`."""
    with VideoWriter(target, size=(side, side), fps=fps, frames=frames, tags={"comment": "flashes"}) as writer:
        for number in range(frames):
            picture = np.full((side, side, 3), 255 if number in flashes else 40, np.uint8)
            picture[:, number % side] = 90
            writer.write(picture)
    return target


def write_track(target: Path, clicks_s: Sequence[float], *, duration_s: float) -> Path:
    """Clicks over a soft tone, in the format of the file extension."""
    samples = 0.02 * np.sin(2 * np.pi * 220 * np.arange(round(duration_s * RATE_HZ)) / RATE_HZ)
    click = click_sound(RATE_HZ)
    for time in clicks_s:
        start = round(time * RATE_HZ)
        samples[start : start + len(click)] += click[: len(samples) - start]
    codec = {".wav": "pcm_s16le", ".mp3": "libmp3lame", ".flac": "flac", ".m4a": "aac", ".opus": "libopus"}
    with av.open(str(target), "w") as out:
        stream = out.add_stream(codec[target.suffix], rate=RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = AudioFrame.from_ndarray(samples[None].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def click_sound(rate_hz: int) -> Samples:
    time = np.arange(round(CLICK_S * rate_hz)) / rate_hz
    return (0.8 * np.sin(2 * np.pi * 1500 * time) * np.exp(-time * 400)).astype(np.float32)


def find_flashes(path: Path, *, after_s: float = 0.0) -> list[float]:
    """The times of white frames, in seconds of the file. With `after_s`, seek there first."""
    with av.open(str(path)) as container:
        if after_s:
            container.seek(round(after_s * av.time_base))
        times = [frame.time for frame in container.decode(video=0) if frame.to_ndarray(format="gray").mean() > 150]
    return [float(time) for time in times if time is not None and time >= after_s]


def find_clicks(path: Path, *, after_s: float = 0.0) -> list[float]:
    """The times of clicks, in seconds of the file. Each is the best match with the click itself."""
    with av.open(str(path)) as container:
        if after_s:
            container.seek(round(after_s * av.time_base))
        frames = list(container.decode(audio=0))
        starts_s, rate_hz = float(frames[0].time or 0.0), frames[0].sample_rate
        mono = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
    return [time for time in (starts_s + offset_s for offset_s in match_clicks(mono, rate_hz)) if time >= after_s]


def match_clicks(mono: npt.NDArray[np.float32], rate_hz: int) -> list[float]:
    match = np.abs(np.correlate(mono, click_sound(rate_hz), mode="valid"))
    window = round(0.1 * rate_hz)
    clicks = []
    for begin in range(0, len(match), window):
        position = begin + int(np.argmax(match[begin : begin + window]))
        around = match[max(0, position - window) : position + window]
        if match[position] > MIN_MATCH_SHARE * match.max() and match[position] == around.max():
            clicks.append(position / rate_hz)
    return clicks
