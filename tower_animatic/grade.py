"""The colour grade of each frame: bloom, vignette, tone curve of the style, film grain."""

from __future__ import annotations

import cv2
import numpy as np

from tower_animatic.paint import Pixels, noise, smoothstep
from tower_animatic.stage import Stage

_SCOPE = 2.39
_GRAINS = 5
_GRAINS_PER_S = 12


class Grade:
    """Grades the pictures of one shot (BGR) in place."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._bars = letterbox_rows(stage)
        self._window = _window(stage)
        self._curve = _curve(stage.style)
        self._grain = _grain(stage)
        self._light: Pixels = np.empty((stage.height, stage.width, 3), np.uint8)

    def apply(self, picture: Pixels, seconds: float) -> None:
        self._bloom(picture)
        cv2.multiply(picture, self._window, dst=picture, scale=1 / 255)
        if self._curve is not None:
            cv2.LUT(picture, self._curve, dst=picture)
        lighten, darken = self._grain[int(seconds * _GRAINS_PER_S + 1e-6) % _GRAINS]
        cv2.add(picture, lighten, dst=picture)
        cv2.subtract(picture, darken, dst=picture)
        if self._bars:
            picture[: self._bars] = 0
            picture[-self._bars :] = 0

    def _bloom(self, picture: Pixels) -> None:
        """Let bright areas glow beyond their edges."""
        height, width = picture.shape[:2]
        small = cv2.resize(picture, (max(8, width // 8), max(8, height // 8)), interpolation=cv2.INTER_AREA)
        small = cv2.convertScaleAbs(cv2.subtract(small, np.full_like(small, 186)), alpha=0.55)
        small = cv2.GaussianBlur(small, (0, 0), max(1.0, self._stage.unit / 8 * 0.028))
        cv2.resize(small, (width, height), dst=self._light, interpolation=cv2.INTER_LINEAR)
        cv2.add(picture, self._light, dst=picture)


def letterbox_rows(stage: Stage) -> int:
    """Height of each black bar in pixels. Cinematic frames are 2.39 : 1; portrait frames keep more of the picture."""
    if stage.style != "cinematic":
        return 0
    return round(max(0.0, min((stage.height - stage.width / _SCOPE) / 2, stage.height * 0.125)))


def _window(stage: Stage) -> Pixels:
    """The factors of a frame's pixels (255 is 1): darker corners, and paper in the artistic style."""
    height, width = stage.height, stage.width
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    keep = 1 - 0.26 * smoothstep(0.55, 1.5, np.hypot(x, y))
    if stage.style == "artistic":
        rng = stage.rng("paper")
        fibre = noise(rng, (height, width), cells=height / 12, octaves=3) - 0.5
        weave = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32) - 0.5, (0, 0), 0.9) * 3
        keep = keep * np.clip(0.975 + 0.10 * fibre + 0.05 * weave, 0, 1)
    return cv2.cvtColor((np.clip(keep, 0, 1) * 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)


def _curve(style: str) -> Pixels | None:
    """The tone curve of a style per channel (1 × 256 × 3); None if it has none."""
    x = np.linspace(0, 1, 256)
    contrast = x * x * (3 - 2 * x)
    if style == "cinematic":
        base = 0.6 * x + 0.4 * contrast
        blue = base + 0.055 * (1 - x) ** 2 - 0.075 * x**1.5
        green = base + 0.018 * (1 - x) ** 2 - 0.01 * x
        red = base - 0.04 * (1 - x) ** 2 * smoothstep(0, 0.2, x) + 0.035 * x
    elif style == "realistic":
        base = 0.93 * (0.7 * x + 0.3 * contrast) + 0.03
        blue = green = red = base
    elif style == "artistic":
        base = 0.86 * x + 0.12
        blue, green, red = base - 0.03, base, base + 0.012
    else:
        return None
    table = np.stack([blue, green, red], axis=-1)
    return np.round(np.clip(table, 0, 1) * 255).astype(np.uint8)[None]


def _grain(stage: Stage) -> list[tuple[Pixels, Pixels]]:
    """Sheets of grain, each as (added, subtracted). Both have the same sum, so that the brightness stays equal."""
    rng = stage.rng("grain")
    strength = {"realistic": 2.1, "cinematic": 1.9, "artistic": 1.0}.get(stage.style, 1.1)
    sheets = []
    for _ in range(_GRAINS):
        field = cv2.GaussianBlur(rng.normal(0, 1, (stage.height, stage.width)).astype(np.float32), (0, 0), 0.8)
        field = field / field.std() * strength
        lighten = np.floor(np.clip(field, 0, 20) + rng.random(field.shape, dtype=np.float32)).astype(np.uint8)
        darken = np.roll(lighten, (stage.height // 3, stage.width // 3), (0, 1))
        sheets.append((cv2.cvtColor(lighten, cv2.COLOR_GRAY2BGR), cv2.cvtColor(darken, cv2.COLOR_GRAY2BGR)))
    return sheets
