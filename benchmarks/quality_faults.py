"""Faults that the check must reject, applied to good pictures, and the encoding of pictures to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from benchmarks.quality_corpus import Picture, Pictures, filled, grain, texture


def all_black(_: np.random.Generator, shown: Pictures) -> Pictures:
    return [np.zeros_like(p) for p in shown]


def half_black(_: np.random.Generator, shown: Pictures) -> Pictures:
    return [p if i < len(shown) // 2 else np.zeros_like(p) for i, p in enumerate(shown)]


def one_colour(rng: np.random.Generator, shown: Pictures) -> Pictures:
    """The output of a decoder without latents: one colour with a little noise."""
    return grain(rng, [filled(p.shape[0], (128, 110, 100)) for p in shown], 2)


def frozen(_: np.random.Generator, shown: Pictures) -> Pictures:
    return [shown[0]] * len(shown)


def frozen_tail(_: np.random.Generator, shown: Pictures) -> Pictures:
    keep = len(shown) * 4 // 10
    return shown[:keep] + [shown[keep]] * (len(shown) - keep)


def frozen_under_grain(rng: np.random.Generator, shown: Pictures) -> Pictures:
    return grain(rng, frozen(rng, shown), 6)


def doubled(_: np.random.Generator, shown: Pictures) -> Pictures:
    """Every second frame repeats the one before."""
    return [shown[i - i % 2] for i in range(len(shown))]


def stutter(_: np.random.Generator, shown: Pictures) -> Pictures:
    """Stops for two thirds of a second, jumps, stops again."""
    return [shown[i - i % 16] for i in range(len(shown))]


def noise(rng: np.random.Generator, shown: Pictures) -> Pictures:
    return [rng.integers(0, 256, p.shape, np.uint8) for p in shown]


def latent_noise(rng: np.random.Generator, shown: Pictures) -> Pictures:
    """An undenoised latent: blobs of eight pixels."""
    size = shown[0].shape[0]
    small = (rng.normal(128, 50, (size // 8, size // 8, 3)).clip(0, 255).astype(np.uint8) for _ in shown)
    return [np.asarray(cv2.resize(s, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8) for s in small]


def checkerboard_flicker(rng: np.random.Generator, shown: Pictures) -> Pictures:
    size, cell = shown[0].shape[0], int(rng.choice([8, 16, 32, 64]))
    board = ((np.add(*np.indices((size, size)) // cell) % 2) * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    return [board if i % 2 else 255 - board for i in range(len(shown))]


def strobe(_: np.random.Generator, shown: Pictures) -> Pictures:
    """Every second frame is almost dark."""
    return [p if i % 2 else p // 3 for i, p in enumerate(shown)]


def shuffled(rng: np.random.Generator, shown: Pictures) -> Pictures:
    """A different painting on every frame."""
    return [texture(rng, p.shape[0]) for p in shown]


def tone(seconds: float, gain: float = 0.5) -> npt.NDArray[np.float32]:
    """Two notes; with a gain of 1 or more they are clipped."""
    t = np.arange(round(48_000 * seconds)) / 48_000
    return np.asarray((gain * (np.sin(2764 * t) + np.sin(4146 * t))).clip(-1, 1), np.float32)


def cut_off(file: Path) -> None:
    """The rest of an interrupted download."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])


def damaged(file: Path) -> None:
    """A hole in the middle of the media, as from a bad disk."""
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = bytes(len(data) // 20)
    file.write_bytes(data)


def no_video(file: Path) -> None:
    """The error page of a proxy, stored as a clip."""
    file.write_text("<html><body>502 Bad Gateway</body></html>")


@dataclass(frozen=True)
class Format:
    fps: int = 24
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    crf: int = 12
    gap: int = 0  # frames missing in the middle; their time stays empty


DEFAULT_FORMAT = Format()


def encode(
    target: Path,
    shown: Sequence[Picture],
    form: Format = DEFAULT_FORMAT,
    *,
    sound: npt.NDArray[np.float32] | None = None,
) -> Path:
    """A playable file of these pictures. `sound`: mono samples at 48 kHz, −1…1."""
    height, width = shown[0].shape[:2]
    options = {"crf": str(form.crf), "preset": "veryfast"} if form.codec.startswith("libx26") else {}
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as out:
        video = out.add_stream(form.codec, rate=form.fps, options=options)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = width, height, form.pixel_format
        voice = out.add_stream("aac", rate=48_000, layout="mono") if sound is not None else None
        for number, picture in enumerate(shown):
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            image.pts = number + (form.gap if number >= len(shown) // 2 else 0)
            image.time_base = Fraction(1, form.fps)
            out.mux(video.encode(image))
        out.mux(video.encode(None))
        if isinstance(voice, AudioStream) and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1).astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate = 48_000
            out.mux(voice.encode(frame))
            out.mux(voice.encode(None))
    return target
