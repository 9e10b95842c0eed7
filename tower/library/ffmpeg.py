"""The ffmpeg program that comes with imageio-ffmpeg. It measures loudness."""

from __future__ import annotations

from functools import cache

import imageio_ffmpeg


@cache
def ffmpeg_path() -> str:
    """The path of the program. Raises RuntimeError if there is none."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())
