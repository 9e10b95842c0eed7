"""Takes off what a server renders beyond a shot, because it takes only certain sizes and numbers of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from tower.media.decode import decode_all, open_container
from tower.media.encode import VideoWriter


def fit_clip(clip: Path, *, size: tuple[int, int], frames: int, fps: float) -> None:
    """Encode the first `frames` of a clip again, cropped to the middle, in its place. Its sound is left out."""
    fitted = clip.with_name(f"{clip.name}.fitted")
    with VideoWriter(fitted, size=size, fps=fps, frames=frames) as writer, open_container(clip) as container:
        left = iter(range(frames))

        def write(frame: VideoFrame) -> None:
            if next(left, None) is not None:
                writer.write(crop_middle(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), size))

        decode_all(container, container.streams.video[0], on_picture=write, on_sound=lambda _: None)
    fitted.replace(clip)


def crop_middle(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The middle of a picture, `size` as (width, height)."""
    width, height = size
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])
