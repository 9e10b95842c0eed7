"""Encode frames to H.264 in MP4 files that can be streamed and joined."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from tower.media.overlap import OVERLAP_FRAMES
from tower.media.rates import exact_rate
from tower.media.x264 import TAKE_OPTIONS

KEYFRAME_INTERVAL_S = 2
"""A film copies a take from its next IDR frame after a cut. One in two seconds makes a rainy shot 5 % larger."""
_THREADS = 4
"""Fixed, as the output of x264 depends on the number of threads, and equal shots must give equal files."""
_BT709 = 1


def seam_keyframes(frames: int) -> frozenset[int]:
    """Return the frames that must be IDR frames, so that the body between two seams can be copied without encoding."""
    if frames <= 2 * OVERLAP_FRAMES:
        return frozenset({0})
    return frozenset({0, OVERLAP_FRAMES, frames - OVERLAP_FRAMES})


class VideoWriter:
    """Context manager that encodes the frames given to `write`.

    The file is complete after a clean exit and removed after an exception. It is H.264 yuv420p, CRF 12, BT.709, with
    the index first.

    size: (width, height) in pixels, both even.
    frames: the count of frames to come, which determines the keyframes.
    tags: metadata of the file.
    """

    def __init__(
        self, target: Path, *, size: tuple[int, int], fps: float, frames: int, tags: Mapping[str, str] | None = None
    ) -> None:
        self._target = target
        self._count = 0
        # The default timescale of 1000 ticks per second would round the duration of a clip.
        rate = exact_rate(fps)
        self._keyframes = seam_keyframes(frames) | frozenset(range(0, frames, round(KEYFRAME_INTERVAL_S * rate)))
        options = {"movflags": "+faststart", "movie_timescale": str(rate.numerator * 512)}
        self._container = av.open(str(target), "w", format="mp4", options=options)
        self._container.metadata.update(tags or {})
        self._stream = self._open_stream(size, rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        with suppress(
            av.FFmpegError, OSError
        ):  # a trailer that cannot be written does not matter, as the file is removed
            self._container.close()
        self._target.unlink(missing_ok=True)

    def write(self, frame_bgr: npt.NDArray[np.uint8]) -> None:
        """Add a frame (height × width × 3, BGR). The array can be reused afterwards."""
        rgb = av.VideoFrame.from_ndarray(frame_bgr, format="bgr24")
        frame = rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts = self._count
        frame.time_base = self._stream.codec_context.time_base
        frame.pict_type = PictureType.I if self._count in self._keyframes else PictureType.NONE
        self._container.mux(self._stream.encode(frame))
        self._count += 1

    def _open_stream(self, size: tuple[int, int], rate: Fraction) -> Any:
        stream = self._container.add_stream("libx264", rate=rate)
        context = stream.codec_context
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = 1 / rate
        context.thread_count = _THREADS
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = context.color_trc = _BT709
        context.options = dict(TAKE_OPTIONS)
        return stream
