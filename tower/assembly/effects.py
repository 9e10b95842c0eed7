"""Composes the effects of shots with moviepy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from tower.assembly.camera import Pixels, show_view, view_of
from tower.assembly.cut import Effect, EffectKind, FilmForm, Shot
from tower.assembly.pictures import SCALING

LUMA_BT709 = (0.2126, 0.7152, 0.0722)
WHITE = (255, 255, 255)


def effect_frames(shot: Shot, effect: Effect, frames: Iterator[VideoFrame], form: FilmForm) -> Iterator[VideoFrame]:
    """The frames of a shot with its effect, exactly as many as it says. `frames` are those without it."""
    from moviepy import VideoClip  # takes 0.5 s

    lasts_s = float(shot.frames / form.fps)
    with ExitStack() as opened:
        plain = opened.enter_context(VideoClip(_Reel(frames, form.fps).picture_at, duration=lasts_s))
        film = opened.enter_context(_compose(plain, effect, shot, form))
        for number in range(shot.frames):
            yield _to_yuv(film.get_frame(float(number / form.fps)))


class _Reel:
    """Frames as moviepy asks for them: by time, never backwards. The last one stands for all later times."""

    def __init__(self, frames: Iterator[VideoFrame], fps: Fraction) -> None:
        self._frames, self._fps = frames, fps
        self._number, self._picture = 0, _to_rgb(next(frames))

    def picture_at(self, time_s: float) -> Pixels:
        frame = None
        while self._number < round(time_s * self._fps):
            self._number += 1
            frame = next(self._frames, None) or frame
        if frame is not None:
            self._picture = _to_rgb(frame)
        return self._picture


def _compose(plain: Any, effect: Effect, shot: Shot, form: FilmForm) -> Any:
    """The clip with the effect. A freeze needs nothing more, as the last frame stands."""
    from moviepy import vfx

    match effect.kind:
        case EffectKind.FREEZE:
            return plain
        case EffectKind.FLASH:
            return _flash(plain, effect, form)
        case EffectKind.BLACK_AND_WHITE:
            return plain.with_effects([vfx.BlackAndWhite(RGB=list(LUMA_BT709))])
        case EffectKind.MIRROR:
            return plain.with_effects([vfx.MirrorX()])
        case _:
            return plain.transform(_camera(effect, shot, form))


def _camera(effect: Effect, shot: Shot, form: FilmForm) -> Callable[[Callable[[float], Pixels], float], Pixels]:
    """moviepy's own resizing and positions are whole pixels, which is seen as a tremble in a slow zoom."""

    def show(picture_at: Callable[[float], Pixels], time_s: float) -> Pixels:
        frame = round(time_s * form.fps)
        view = view_of(effect, frame, frames=shot.frames, fps=float(form.fps))
        return show_view(picture_at(time_s), view)

    return show


def _flash(plain: Any, effect: Effect, form: FilmForm) -> Any:
    from moviepy import ColorClip, CompositeVideoClip, vfx

    starts_s, lasts_s = float(effect.start_frame / form.fps), float(effect.frames / form.fps)
    white = ColorClip((form.width, form.height), WHITE).with_duration(lasts_s).with_effects([vfx.CrossFadeOut(lasts_s)])
    layers = [plain, white.with_start(starts_s)]
    return CompositeVideoClip(layers, size=(form.width, form.height)).with_duration(plain.duration)


def _to_rgb(frame: VideoFrame) -> Pixels:
    rgb = frame.reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
    )
    return np.asarray(rgb.to_ndarray(), np.uint8)


def _to_yuv(picture: Pixels) -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(picture, np.uint8), format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=SCALING,
    )
