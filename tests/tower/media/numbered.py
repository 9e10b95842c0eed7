"""Clips with identifiable frames: their number in bits, the shade of their segment, a moving wave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType, VideoFrame

YuvPlanes = npt.NDArray[np.uint8]  # yuv420p: luma above, the two chroma planes below it
BITS = 9
FINE = 100  # Time base ticks per frame, for uneven times.
CRF12 = {"crf": "12", "preset": "veryfast"}


@dataclass(frozen=True)
class ClipFormat:
    """How a clip is encoded. `cuts` are the frames encoded as IDR; `tagged` marks it as BT.709."""

    size: tuple[int, int] = (128, 96)
    rate: Fraction = Fraction(24)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=lambda: CRF12)
    cuts: tuple[int, ...] = ()
    tagged: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    timestamps: Sequence[float] | None = None  # In frames; None means evenly spaced.


def draw_planes(number: int, shade: int, size: tuple[int, int]) -> YuvPlanes:
    """A frame. `shade`: 30…220."""
    width, height = size
    x = np.arange(width) + 3 * number
    luma = np.broadcast_to((128 + 60 * np.sin(x / 9)).astype(np.uint8), (height, width)).copy()
    for bit in range(BITS):
        luma[: height // 4, _columns(bit, width)] = 210 if number >> bit & 1 else 40
    luma[-height // 4 :] = shade
    chroma = np.full((height // 2, width), 128, np.uint8)
    chroma[:, : width // 2] = 100 + number % 50
    return np.vstack([luma, chroma])


def read_number(frame: YuvPlanes) -> int:
    height, width = frame.shape[0] * 2 // 3, frame.shape[1]
    top = frame[2 : height // 4 - 2]
    return sum(int(np.mean(top[:, _columns(bit, width)]) > 125) << bit for bit in range(BITS))


def read_shade(frame: YuvPlanes) -> float:
    height = frame.shape[0] * 2 // 3
    return float(np.mean(frame[height - height // 4 + 2 : height - 2]))


def write_clip(target: Path, frames: Iterable[YuvPlanes], form: ClipFormat) -> Path:
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as out:
        out.metadata.update(form.tags)
        stream = out.add_stream(form.codec, rate=form.rate, options={"forced-idr": "1", **form.options})
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        (context.width, context.height), context.pix_fmt = form.size, form.pixel_format
        context.time_base = 1 / (form.rate * (FINE if form.timestamps else 1))
        if form.tagged:
            context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        for number, picture in enumerate(frames):
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="yuv420p")
            frame.pts = round(form.timestamps[number] * FINE) if form.timestamps else number
            frame.time_base = context.time_base
            frame.pict_type = PictureType.I if number in form.cuts else PictureType.NONE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def read_clip(path: Path) -> list[YuvPlanes]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in container.decode(video=0)]


def psnr(first: YuvPlanes, second: YuvPlanes) -> float:
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def _columns(bit: int, width: int) -> slice:
    wide = width // BITS
    return slice(bit * wide + 2, (bit + 1) * wide - 2)
