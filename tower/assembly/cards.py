"""Composes title and end cards with moviepy: a still, and lines that appear and go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from tower.assembly.cut import Card, CardKind, FilmForm
from tower.assembly.lettering import draw_block, fit_size
from tower.errors import InvalidError
from tower.media.pictures import EXPECTED_PICTURE, decode_picture

Pixels = npt.NDArray[np.uint8]

SIZES = {CardKind.TITLE: 0.11, CardKind.END: 0.06}  # of the letters, as a share of the height
WIDTH, HEIGHT = 0.86, 0.86  # the part of the picture that lines may use
FADE_S = 0.5  # at most a quarter of the card
BACKGROUND_LEVEL = 0.45  # of a picture, so that the letters stand out
LETTER_RGB = (240, 240, 240)


def card_frames(card: Card, form: FilmForm) -> Iterator[VideoFrame]:
    """The frames of a card, exactly as many as it says. Raises InvalidError if its picture cannot be read."""
    from moviepy import CompositeVideoClip, ImageClip, vfx  # takes 0.5 s

    lasts_s = float(card.frames / form.fps)
    fade_s = min(FADE_S, lasts_s / 4)
    with ExitStack() as opened:
        layers: list[Any] = [opened.enter_context(ImageClip(_background(card, form)).with_duration(lasts_s))]
        if any(line.strip() for line in card.lines):
            letters = opened.enter_context(ImageClip(_letters(card, form)).with_duration(lasts_s))
            fades = [vfx.CrossFadeIn(fade_s), vfx.CrossFadeOut(fade_s)]
            layers.append(letters.with_position("center").with_effects(fades))
        film = opened.enter_context(CompositeVideoClip(layers, size=(form.width, form.height)).with_duration(lasts_s))
        for number in range(card.frames):
            yield _to_yuv(film.get_frame(float(number / form.fps)))


def _background(card: Card, form: FilmForm) -> Pixels:
    """Black, or the picture, darkened, cut to the ratio of the film."""
    if card.background is None:
        return np.zeros((form.height, form.width, 3), np.uint8)
    picture = decode_picture(card.background.path)
    if picture is None:
        raise InvalidError.field("background", card.background.path.name, EXPECTED_PICTURE)
    by_channels = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}
    colours = cv2.COLOR_GRAY2RGB if picture.ndim == 2 else by_channels[picture.shape[2]]
    rgb = cv2.cvtColor(_to_bytes(picture), colours)
    scale = max(form.width / rgb.shape[1], form.height / rgb.shape[0])
    size = (max(form.width, round(rgb.shape[1] * scale)), max(form.height, round(rgb.shape[0] * scale)))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (size[1] - form.height) // 2, (size[0] - form.width) // 2
    shown = scaled[top : top + form.height, left : left + form.width]
    return np.asarray(shown * BACKGROUND_LEVEL, np.uint8)


def _to_bytes(picture: Any) -> Pixels:
    """PNG files may have 16 bits a channel."""
    return np.asarray(picture // 257 if picture.dtype == np.uint16 else picture, np.uint8)


def _letters(card: Card, form: FilmForm) -> npt.NDArray[np.uint8]:
    """The lines as RGBA: transparent where there is neither letter nor outline."""
    lines, width = [line.strip() for line in card.lines], round(WIDTH * form.width)
    wanted = max(8, round(SIZES[card.kind] * form.height))
    size = fit_size(lines, size_px=wanted, width_px=width, height_px=round(HEIGHT * form.height))
    block = draw_block(lines, size_px=size, width_px=width)
    height = min(block.letters.shape[0], form.height)
    level = block.letters[:height, :, None].astype(np.float32) / 255
    picture = np.concatenate([np.asarray(LETTER_RGB, np.float32) * level, block.outline[:height, :, None]], axis=2)
    return picture.astype(np.uint8)


def _to_yuv(picture: Pixels) -> VideoFrame:
    rgb = VideoFrame.from_ndarray(np.ascontiguousarray(picture, np.uint8), format="rgb24")
    return rgb.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
