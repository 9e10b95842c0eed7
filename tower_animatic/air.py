"""Air that can be seen: banks of fog, and streaks in the wind."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.layers import View
from tower_animatic.paint import Pixels, blend_over, noise, smoothstep, stroke
from tower_animatic.particles import add_light, half_size_sheet
from tower_animatic.stage import Stage

_COARSE = 8
"""The fog is computed on pixels of this size."""


class FogBank:
    """Fog that drifts sideways, denser below."""

    def __init__(self, stage: Stage) -> None:
        rows, columns = max(8, stage.height // _COARSE), max(8, stage.width // _COARSE)
        cloud = smoothstep(0.25, 0.85, noise(stage.rng("fog"), (rows, columns), cells=3, octaves=4))
        height = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        cover = cloud * (0.22 + 0.5 * smoothstep(0.2, 0.9, height))
        haze = np.asarray((*stage.palette.haze, 255.0), np.float32)
        self._sheet = (haze * cover[..., None]).astype(np.uint8)

    def draw(self, frame: Pixels, view: View) -> None:
        rows, columns = self._sheet.shape[:2]
        drift = np.array([[1, 0, 0.03 * view.seconds * columns - view.pose.x * columns], [0, 1, 0]], np.float64)
        moved = cv2.warpAffine(self._sheet, drift, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        blend_over(frame, cv2.resize(moved, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR))


class Gusts:
    """Thin curved streaks that the wind draws across the picture."""

    def __init__(self, stage: Stage, *, count: int = 18) -> None:
        rng = stage.rng("gusts")
        self._x, self._y = rng.random(count), rng.random(count) * 0.9
        self._length, self._speed = rng.uniform(0.12, 0.34, count), rng.uniform(0.5, 1.0, count)
        self._phase = rng.uniform(0, 6.28, count)

    def draw(self, frame: Pixels, view: View) -> None:
        stage = view.stage
        sheet = half_size_sheet(stage)
        t = np.linspace(0, 1, 12)
        for x, y, length, speed, phase in zip(self._x, self._y, self._length, self._speed, self._phase, strict=True):
            left = (x + speed * view.seconds) % 1.6 - 0.35
            xs = left + length * t
            ys = y + 0.02 * np.sin(5 * xs + phase) - view.pose.y
            line = np.stack([xs * stage.width / 2, ys * stage.height / 2], 1)
            stroke(sheet, line, (52, 50, 48, 0), max(1, round(0.0016 * stage.unit / 2)))
        add_light(frame, sheet, view)
