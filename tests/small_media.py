"""Pictures and videos of a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

SIDE_PX = 16


def write_picture(path: Path, *, width: int = SIDE_PX, height: int = SIDE_PX) -> Path:
    """A black picture; a PNG unless the name ends in .jpg or .webp."""
    suffix = path.suffix if path.suffix in (".jpg", ".webp") else ".png"
    encoded = cv2.imencode(suffix, np.zeros((height, width, 3), np.uint8))[1]
    path.write_bytes(encoded.tobytes())
    return path


def write_video(path: Path, *, frames: int = 2) -> Path:
    """Black frames at 24 frames per second."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = SIDE_PX
        for _ in range(frames):
            frame = av.VideoFrame.from_ndarray(np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), format="bgr24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    return path
