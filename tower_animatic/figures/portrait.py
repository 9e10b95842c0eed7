"""A character's reference image as a figure on the stage."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tower.errors import RenderError
from tower.media.pictures import EXPECTED_PICTURE, decode_picture
from tower_animatic.figures.actor import FigureMark, draw_sprite
from tower_animatic.layers import Light, View
from tower_animatic.paint import Pixels, smoothstep, soften
from tower_animatic.stage import Stage

_PLAIN_SPREAD = 14.0
"""Standard deviation (of 255) below which the colours of the border are a plain background."""


def read_reference(name: str, path: Path) -> Pixels:
    """Read the image as BGRA with straight alpha. Raises RenderError if it cannot be read."""
    image = decode_picture(path)
    if image is None:
        message = f"The reference image of {name} cannot be read: {path} must be {EXPECTED_PICTURE}."
        raise RenderError(message, details={"character": name, "path": str(path)})
    return _bgra(image)


class Portrait:
    """A reference image as a figure at a mark.

    It is cut out if its background is plain and feathered otherwise, lit by the light of the scene, with a shadow.
    """

    def __init__(self, image: Pixels, stage: Stage, mark: FigureMark, light: Light) -> None:
        room = (0.46 * stage.width, mark.height * stage.unit)
        scale = min(room[0] / image.shape[1], room[1] / image.shape[0])
        size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        cut = _cut_out(small)
        self._sprite = _compose(small[..., :3], cut, stage, towards=light.x - mark.x, light=light)
        self._pad = (self._sprite.shape[1] - size[0]) // 2
        self._size = size
        self._mark = mark

    def draw(self, frame: Pixels, view: View) -> None:
        stage, mark = view.stage, self._mark
        breath = 1 + 0.004 * np.sin(1.65 * view.seconds)
        x = (mark.x + mark.drift * (view.progress - 0.5)) * stage.width
        bottom = min(mark.y, 1.02) * stage.height
        width, height = self._size[0] + 2 * self._pad, self._size[1] + self._pad
        place = np.array([[breath, 0, x - width / 2 * breath], [0, breath, bottom - height * breath], [0, 0, 1]])
        draw_sprite(frame, self._sprite, view.matrix(1.0) @ place)


def _bgra(image: Pixels) -> Pixels:
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype != np.uint8:
        image = np.clip(np.nan_to_num(image) * 255, 0, 255).astype(np.uint8)
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGRA)
    if image.shape[2] == 2:
        return cv2.merge([image[..., 0]] * 3 + [image[..., 1]])
    return cv2.cvtColor(image, cv2.COLOR_BGR2BGRA) if image.shape[2] == 3 else image[..., :4].copy()


def _cut_out(image: Pixels) -> Pixels:
    """The coverage of the character per pixel (0…1)."""
    alpha = image[..., 3]
    if alpha.min() < 128:
        return alpha.astype(np.float32) / 255
    border = np.concatenate(
        [image[0, :, :3], image[: len(image) // 2, 0, :3], image[: len(image) // 2, -1, :3]]
    ).astype(np.float32)
    if border.std(axis=0).max() < _PLAIN_SPREAD:
        cut = _without_background(image[..., :3])
        if 0.06 < cut.mean() < 0.9:
            return cut
    return _feathered(image.shape[:2])


def _without_background(image: Pixels) -> Pixels:
    """The figure without the plain background, which is flood-filled from the corners and edges."""
    height, width = image.shape[:2]
    canvas = np.ascontiguousarray(image)
    flood = np.zeros((height + 2, width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    for seed in (
        (0, 0),
        (width - 1, 0),
        (0, height // 2),
        (width - 1, height // 2),
        (0, height - 1),
        (width - 1, height - 1),
    ):
        cv2.floodFill(canvas, flood, seed, (0, 0, 0), (18, 18, 18), (18, 18, 18), flags)
    figure = cv2.erode(255 - flood[1:-1, 1:-1], np.ones((3, 3), np.uint8))
    return cv2.GaussianBlur(figure.astype(np.float32) / 255, (0, 0), 0.9)


def _feathered(size: tuple[int, int]) -> Pixels:
    """Coverage with soft edges like an oval vignette."""
    y, x = np.linspace(-1, 1, size[0], dtype=np.float32)[:, None], np.linspace(-1, 1, size[1], dtype=np.float32)[None]
    edge = (np.abs(x) ** 4 + np.abs(np.minimum(y, 0)) ** 4) ** 0.25
    share: Pixels = (1 - smoothstep(0.80, 1.0, edge)) * (1 - smoothstep(0.86, 1.0, y))
    return share


def _compose(picture: Pixels, cut: Pixels, stage: Stage, *, towards: float, light: Light) -> Pixels:
    """Compose shadow, picture and rim of light, premultiplied, with a border for the shadow."""
    pad = max(4, round(0.03 * stage.unit))
    cut = cv2.copyMakeBorder(cut, pad, 0, pad, pad, cv2.BORDER_CONSTANT)
    field: Pixels = cv2.copyMakeBorder(picture, pad, 0, pad, pad, cv2.BORDER_REPLICATE).astype(np.float32)
    side = 1.0 if towards >= 0 else -1.0
    beside = cv2.warpAffine(
        cut, np.array([[1, 0, -side * 0.006 * stage.unit], [0, 1, 0.004 * stage.unit]]), cut.shape[::-1]
    )
    rim = np.clip(cut - cv2.GaussianBlur(beside, (0, 0), 0.002 * stage.unit + 0.5), 0, 1)[..., None]
    shade = np.asarray(stage.palette.light, np.float32) / 255
    field *= np.float32(0.35) + np.float32(0.65) * shade
    field += (np.asarray(light.colour, np.float32) - field) * 0.8 * rim
    shadow = 0.55 * soften(cut, 0.014 * stage.unit)
    alpha = cut + shadow * (1 - cut)
    return np.clip(np.concatenate([field * cut[..., None], alpha[..., None] * 255], axis=2) + 0.5, 0, 255).astype(
        np.uint8
    )
