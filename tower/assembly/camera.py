"""Where a camera that moves over the pictures of a shot stands in each frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tower.assembly.cut import Effect, EffectKind

Pixels = npt.NDArray[np.uint8]

PAN_ENDS = {
    EffectKind.PAN_LEFT: ((1.0, 0.5), (0.0, 0.5)),
    EffectKind.PAN_RIGHT: ((0.0, 0.5), (1.0, 0.5)),
    EffectKind.PAN_UP: ((0.5, 1.0), (0.5, 0.0)),
    EffectKind.PAN_DOWN: ((0.5, 0.0), (0.5, 1.0)),
}
SHAKE_HZ = (9.0, 11.0)  # sideways, and up and down


@dataclass(frozen=True)
class View:
    """The part of a picture that is shown, enlarged by `scale`. `x` and `y`: 0 is at the left and top, 1 at the end."""

    scale: float
    x: float = 0.5
    y: float = 0.5


def view_of(effect: Effect, frame: int, *, frames: int, fps: float) -> View:
    """The view in a frame of a shot that has `frames`."""
    done = frame / (frames - 1) if frames > 1 else 0.0
    if effect.kind in PAN_ENDS:
        (x, y), (end_x, end_y) = PAN_ENDS[effect.kind]
        return View(effect.scale, x + (end_x - x) * done, y + (end_y - y) * done)
    if effect.kind is EffectKind.SHAKE:
        return _shaken(effect, frame - effect.start_frame, fps)
    return View(effect.scale ** (done if effect.kind is EffectKind.ZOOM_IN else 1 - done))


def show_view(picture: Pixels, view: View) -> Pixels:
    """The view at the size of the picture. Its edges may be between two pixels, so that slow moves do not jerk."""
    height, width = picture.shape[:2]
    left, top = (width - width / view.scale) * view.x, (height - height / view.scale) * view.y
    half = 0.5 / view.scale - 0.5  # from the corner of a pixel to its middle
    matrix = np.array([[1 / view.scale, 0, left + half], [0, 1 / view.scale, top + half]])
    shown = cv2.warpAffine(
        picture,
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(shown, np.uint8)


def _shaken(effect: Effect, since: int, fps: float) -> View:
    """A blow, after which the picture swings less and less, and its enlargement goes with it."""
    if not 0 <= since < effect.frames:
        return View(1.0)
    rest = (1 - since / effect.frames) ** 2
    turns = [2 * math.pi * rate * since / fps for rate in SHAKE_HZ]
    return View(1 + (effect.scale - 1) * rest, 0.5 + 0.5 * math.sin(turns[0]), 0.5 + 0.5 * math.cos(turns[1]))
