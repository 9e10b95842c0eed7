"""Takes of 48 frames at 24 frames per second, and cuts of them."""

from __future__ import annotations

import uuid
import wave
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tower.assembly.cut import CUT, EpisodeCut, FilmForm, Item, MediaFile, Shot, Transition

SIZE = (64, 48)
FORM = FilmForm(*SIZE, Fraction(24))


class Takes:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(self, name: str, *, frames: int = 48, fps: Fraction = FORM.fps, has_sound: bool = False) -> Path:
        """A black video; an existing one is not written again."""
        path = self.folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_video(path, frames, fps, has_sound=has_sound)
        return path

    def sound(self, name: str, seconds: int = 10) -> Path:
        path = self.folder / name
        if not path.exists():
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(bytes(2 * 8000 * seconds))
        return path

    def shot(self, name: str = "take_01.mp4", title: str = "One", *, frames: int = 48, has_sound: bool = False) -> Shot:
        path = self.video(name, frames=frames, has_sound=has_sound)
        return Shot(uuid.uuid4(), title, MediaFile(path, "a" * 64), first_frame=0, source_frames=frames)


def cut_of(*items: Item, transitions: Sequence[Transition] | None = None, fps: Fraction = FORM.fps) -> EpisodeCut:
    joined = tuple(transitions) if transitions is not None else (CUT,) * (len(items) - 1)
    return EpisodeCut(replace(FORM, fps=fps), items, joined, tags={"title": "Rain"})


@pytest.fixture(scope="session")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Takes:
    return Takes(tmp_path_factory.mktemp("takes"))


def _write_video(path: Path, frames: int, fps: Fraction, *, has_sound: bool) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height = SIZE
        sound = container.add_stream("aac", rate=48_000, layout="mono") if has_sound else None
        for _ in range(frames):
            frame = av.VideoFrame.from_ndarray(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), format="bgr24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
        if sound is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 48_000
            container.mux(sound.encode(silence))
            container.mux(sound.encode())
