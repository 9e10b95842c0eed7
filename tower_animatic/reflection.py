"""Water and wet ground: mirrors the picture above it, stretched and rippled."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.layers import View
from tower_animatic.paint import Pixels
from tower_animatic.stage import Stage


class GroundReflection:
    """Mirrors the frame below the horizon (share of the height at `depth`). `wet` 0…1: how much is mirrored."""

    def __init__(self, stage: Stage, *, horizon: float, depth: float, wet: float, ripple: float = 0.006) -> None:
        self._horizon = horizon
        self._depth = depth
        self._wet = wet
        self._ripple = ripple
        rng = stage.rng("mirror")
        self._phases = rng.uniform(0, 6.28, 3)

    def draw(self, frame: Pixels, view: View) -> None:
        height, width = frame.shape[:2]
        line = round(view.to_screen(0.5, self._horizon, self._depth)[1])
        line = min(max(line, height // 4), height)
        rows = height - line
        if rows < 8:
            return
        mirrored = self._ripple_rows(self._mirror_source(frame, line, rows), view, rows)
        image = cv2.resize(mirrored, (width, rows), interpolation=cv2.INTER_LINEAR)
        ground = frame[line:]
        shade = self._shade(rows, width)
        cv2.multiply(ground, shade, dst=ground, scale=1 / 255)
        cv2.add(ground, image, dst=ground)

    def _mirror_source(self, frame: Pixels, line: int, rows: int) -> Pixels:
        """The part that is mirrored, scaled down and stretched in height."""
        source = frame[max(0, line - int(rows * 1.6)) : line]
        size = (max(8, frame.shape[1] // 4), max(8, rows // 6))
        small = cv2.flip(cv2.resize(source, size, interpolation=cv2.INTER_AREA), 0)
        return cv2.GaussianBlur(small, (3, 9), 0.6, sigmaY=2.2)

    def _ripple_rows(self, small: Pixels, view: View, rows: int) -> Pixels:
        """Shift rows back and forth, more and slower near the viewer, and fade them towards the viewer."""
        height, width = max(24, rows // 2), small.shape[1]
        v = np.linspace(0, 1, height, dtype=np.float32)
        wave = sum(
            np.sin(f / (v + 0.18) + speed * view.seconds + phase)
            for f, speed, phase in zip((21.0, 13.0, 34.0), (2.1, -1.4, 3.0), self._phases, strict=True)
        )
        shift = np.asarray(wave, np.float32) * self._ripple * width * (0.25 + v)
        xs = np.arange(width, dtype=np.float32)[None] + shift[:, None]
        ys = np.broadcast_to((v * (small.shape[0] - 1))[:, None], xs.shape).astype(np.float32)
        image = cv2.remap(small, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        gain = self._wet * (1 - 0.55 * v)
        return (image * gain[:, None, None]).astype(np.uint8)

    def _shade(self, rows: int, width: int) -> Pixels:
        v = np.linspace(0, 1, rows, dtype=np.float32)
        keep = (255 * (1 - self._wet * (1 - 0.45 * v))).astype(np.uint8)
        return np.repeat(np.repeat(keep[:, None, None], 4, axis=2), width, axis=1)
