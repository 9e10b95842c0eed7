"""What renders, and what writes the video."""

from __future__ import annotations

import io

from deployments.checks import Check
from tower.settings import Settings


def engine(settings: Settings) -> Check:
    from tower.errors import TowerError
    from tower.jobs.spec import EngineChoice
    from tower.rendering.engine_choice import VERSIONS, chosen, engine_for

    choice = chosen(EngineChoice.AUTO, settings)
    try:
        engine_for(choice, settings)
    except TowerError as error:
        return Check("engine", "fail", error.message, "Set TOWER_ENGINE=auto.")
    return Check("engine", "ok", f"{choice} {VERSIONS[choice]}")


def codec() -> Check:
    """Whether two frames can be written as H.264."""
    try:
        size_bytes = _encode_two_frames()
    except (ImportError, ValueError, OSError) as error:  # PyAV's errors are ValueError and OSError
        mend = "Install the package `av` anew, from a wheel (`make setup`): it brings FFmpeg with x264."
        return Check("video codec", "fail", f"H.264 cannot be written: {error}", mend)
    return Check("video codec", "ok", f"libx264 wrote two frames in {size_bytes} bytes")


def _encode_two_frames() -> int:
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 256
        stream.pix_fmt = "yuv420p"
        for shade in (0, 255):
            picture = np.full((256, 256, 3), shade, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return len(file.getvalue())
