"""Draws the pictures of the README, with Tower's own engine: `make images`.

`python docs/make_images.py FILM` draws that of an episode, from the film that `make demo-episode` made.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np

from tower.engines.base import CastMember, Shot
from tower.media.contact_sheet import write_contact_sheet
from tower_animatic.engine import AnimaticEngine

IMAGES = Path(__file__).parent / "images"
SHOT = Shot(
    prompt="cyberpunk detective walking in neon city, rain",
    negative_prompt="",
    seed=7,
    width=1024,
    height=576,
    fps=24,
    frames=72,
    caption="The rain never stops in this town.",
)
MOODS = (
    "detective in neon city, rain",
    "girl in a misty forest at dawn",
    "boy in a room at sunset, window",
    "traveller before mountains and clouds, epic sky",
    "girl at the sea, sunset",
    "samurai at a shrine, cherry petals",
)


def main() -> None:
    if len(sys.argv) > 1:
        _draw_episode(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        clip = _rendered(SHOT, Path(folder) / "city.mp4")
        write_contact_sheet(clip, IMAGES / "neon-city.jpg", columns=3, rows=2, width=1920)
        stills = [_still(prompt, Path(folder) / f"{number}.mp4") for number, prompt in enumerate(MOODS)]
    rows = [np.hstack(stills[start : start + 3]) for start in (0, 3)]
    cv2.imwrite(str(IMAGES / "moods.jpg"), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88])


def _draw_episode(film: Path) -> None:
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    shown = np.hstack([frames[round(share * len(frames))] for share in (0.08, 0.3, 0.5, 0.72)])
    cv2.imwrite(str(IMAGES / "episode.jpg"), np.asarray(shown, np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 88])


class _NoWatch:
    def progress(self, fraction: float, step: str) -> None:
        """Ignore the progress."""


def _rendered(shot: Shot, target: Path) -> Path:
    AnimaticEngine().render(shot, prompt_id="readme", target=target, watch=_NoWatch())
    return target


def _still(prompt: str, target: Path) -> np.ndarray:
    shot = replace(SHOT, prompt=prompt, caption="", frames=24, width=640, height=360, cast=_cast(prompt))
    with av.open(str(_rendered(shot, target))) as film:
        return list(film.decode(video=0))[12].to_ndarray(format="bgr24")


def _cast(prompt: str) -> tuple[CastMember, ...]:
    return (CastMember("Someone", prompt.split(",", maxsplit=1)[0]),)


if __name__ == "__main__":
    main()
