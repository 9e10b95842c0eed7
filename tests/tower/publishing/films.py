"""Small films that differ in every second, and their descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import av
import cv2
import numpy as np

from tower.publishing.film import EpisodeRef, Film, Series, Subtitle

EPISODE = UUID("0a1b2c3d-0000-4000-8000-000000000001")
OTHER_EPISODE = UUID("0a1b2c3d-0000-4000-8000-000000000002")
REF, OTHER_REF = EpisodeRef("project-1", EPISODE), EpisodeRef("project-1", OTHER_EPISODE)
SRT = "1\n00:00:00,000 --> 00:00:01,000\n雨だ。\n"
RATE = 8
SUBTITLES = (Subtitle("ja", SRT), Subtitle("en", SRT, is_forced=True))


def write_film(path: Path, *, seed: int = 1, seconds: int = 2, side: int = 96) -> Path:
    """A film of smooth shapes, others in each second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        for _ in range(seconds):
            coarse = random.integers(0, 256, (6, 6, 3), np.uint8)
            picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
            for _ in range(RATE):
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    return path


def make_film(path: Path, **changes: Any) -> Film:
    values: dict[str, Any] = {
        "path": path,
        "episode_key": EPISODE,
        "series": Series("project-1", "Neon Rain", "A detective walks.", 2026, ("Anime", "Noir")),
        "season": 1,
        "number": 1,
        "title": "The Beginning",
        "synopsis": "It rains.",
    }
    return Film(**{**values, **changes})
