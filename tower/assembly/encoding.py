"""Encodes pictures of the film with the settings of a take, so that their packets can stand beside those of takes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import IO

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from tower.assembly.cut import FilmForm
from tower.assembly.errors import AssemblyError
from tower.assembly.progress import Progress
from tower.media.files import write_atomically
from tower.media.x264 import TAKE_OPTIONS, configure_encoder

BLACK_LUMA, NO_CHROMA = 16, 128


def write_clip(
    target: Path,
    form: FilmForm,
    frames: Iterable[VideoFrame],
    *,
    count: int,
    keyframes: frozenset[int],
    progress: Progress,
) -> None:
    """Encode `count` frames to a file. Those in `keyframes` and the first are IDR frames."""
    with write_atomically(target) as part:
        done = _encode(str(part), form, frames, keyframes, progress)
        if done != count:
            raise AssemblyError(f"{target.name} has {done} frames instead of {count}")
    progress.end_step(f"wrote {target.parent.name}/{target.name}")


@lru_cache(maxsize=8)
def read_header(form: FilmForm) -> bytes:
    """The decoder configuration (avcC) of the film. Packets can be copied only from files that have the same."""
    file = io.BytesIO()
    idle = Progress(lambda _: None, lambda: False)
    _encode(file, form, [black_frame(form)], frozenset(), idle)
    file.seek(0)
    with av.open(file) as container:
        return bytes(container.streams.video[0].codec_context.extradata or b"")


def black_frame(form: FilmForm) -> VideoFrame:
    planes = np.full((form.height * 3 // 2, form.width), NO_CHROMA, np.uint8)
    planes[: form.height] = BLACK_LUMA
    return VideoFrame.from_ndarray(planes, format="yuv420p")


def _encode(
    target: str | IO[bytes], form: FilmForm, frames: Iterable[VideoFrame], keyframes: frozenset[int], progress: Progress
) -> int:
    count = 0
    with av.open(target, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=form.fps)
        assert isinstance(stream, VideoStream)
        configure_encoder(
            stream.codec_context, size=(form.width, form.height), rate=form.fps, options=dict(TAKE_OPTIONS)
        )
        for frame in frames:
            frame.pts, frame.time_base = count, 1 / form.fps
            frame.pict_type = PictureType.I if count in keyframes else PictureType.NONE
            out.mux(stream.encode(frame))
            count += 1
            progress.advance(1)
        out.mux(stream.encode(None))
    return count
