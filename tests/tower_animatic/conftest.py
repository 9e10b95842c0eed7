from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy.typing as npt
import pytest

from tower.engines.base import Shot
from tower_animatic.engine import AnimaticEngine


class RecordingWatcher:
    """A watcher that records progress and can end the render at a frame."""

    def __init__(self, end_at: int | None = None, error: Exception | None = None) -> None:
        self.told: list[tuple[float, str]] = []
        self._end_at = end_at
        self._error = error

    def progress(self, fraction: float, step: str) -> None:
        self.told.append((fraction, step))
        if self._error is not None and len(self.told) == self._end_at:
            raise self._error


def a_shot(**changes: Any) -> Shot:
    shot = Shot(prompt="neon city", negative_prompt="", seed=7, width=256, height=256, fps=24, frames=12)
    return replace(shot, **changes)


def decode_frames(path: Path) -> list[npt.NDArray[Any]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., Path]:
    """A function that renders a shot and returns the file."""

    def rendered(**changes: object) -> Path:
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}.mp4"
        AnimaticEngine().render(a_shot(**changes), prompt_id="p-1", target=target, watch=RecordingWatcher())
        return target

    return rendered
