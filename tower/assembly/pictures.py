"""The pictures of a shot at the film's rate and size, from a take of any rate and size."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from tower.assembly.cut import FilmForm, Shot
from tower.assembly.encoding import black_frame
from tower.errors import InvalidError
from tower.media.clips import decode_frames
from tower.media.decode import MediaUnreadableError
from tower.media.x264 import BT709

UNTAGGED = 2  # the colour space of a frame without a tag
MAX_STRETCH = 0.01  # sides that differ by less than this share fill the picture without black bars
SCALING = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def source_numbers(shot: Shot) -> list[int]:
    """For each frame of the film in which the take plays, the frame of the take at the film's rate."""
    count = shot.moving_frames
    nearest = ((2 * number * shot.source_frames + count) // (2 * count) for number in range(count))
    return [shot.first_frame + min(number, shot.source_frames - 1) for number in nearest]


def shot_frames(shot: Shot, form: FilmForm, *, item: str) -> Iterator[VideoFrame]:
    """The frames of the film in which the take plays. `item` names the shot in errors.

    Each is the picture that the take shows in the middle of its time, so a take of another rate keeps its speed.
    Raises InvalidError if the take is too short, MediaUnreadableError if it is damaged.
    """
    numbers = iter(source_numbers(shot))
    number = next(numbers)
    for frame, end in _frames_until(shot, form):
        fitted = None
        while (number + Fraction(1, 2)) / form.fps < end:
            fitted = fitted or fit_picture(frame, form)
            yield fitted
            following = next(numbers, None)
            if following is None:
                return
            number = following
    raise InvalidError.field(
        f"{item}.source_frames", shot.source_frames, f"a part of its take, which ends before frame {number}"
    )


def fit_picture(frame: VideoFrame, form: FilmForm) -> VideoFrame:
    """The frame in yuv420p and BT.709 at the film's size, with black bars where its sides have another ratio."""
    width, height = _fitted_size(frame, form)
    is_ours = frame.format.name == "yuv420p" and frame.colorspace == BT709 and frame.color_range != ColorRange.JPEG
    if not is_ours or (frame.width, frame.height) != (width, height):
        # Untagged frames are taken as BT.601, the default of FFmpeg.
        frame = frame.reformat(
            width=width,
            height=height,
            format="yuv420p",
            src_colorspace=Colorspace.ITU601 if frame.colorspace == UNTAGGED else None,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=SCALING,
        )
    return frame if (width, height) == (form.width, form.height) else _with_bars(frame, form)


def _frames_until(shot: Shot, form: FilmForm) -> Iterator[tuple[VideoFrame, Fraction]]:
    """Each frame of the take with the time at which it ends, from 0. The last is as long as the one before."""
    frame, began, lasts = None, Fraction(0), 1 / form.fps
    for following, time in _timed_frames(shot, form):
        if frame is not None:
            lasts = time - began
            yield frame, time
        frame, began = following, time
    if frame is None:
        raise MediaUnreadableError(f"{shot.take.path.name} has no frame that can be decoded")
    yield frame, began + max(lasts, 1 / form.fps)


def _timed_frames(shot: Shot, form: FilmForm) -> Iterator[tuple[VideoFrame, Fraction]]:
    first = None
    for number, frame in enumerate(decode_frames(shot.take.path)):
        time = number / form.fps
        if frame.pts is not None and frame.time_base is not None:
            time = Fraction(frame.pts * frame.time_base)
        first = time if first is None else first
        yield frame, time - first


def _fitted_size(frame: VideoFrame, form: FilmForm) -> tuple[int, int]:
    scale = min(form.width / frame.width, form.height / frame.height)
    width, height = frame.width * scale, frame.height * scale
    if width >= form.width * (1 - MAX_STRETCH) and height >= form.height * (1 - MAX_STRETCH):
        return form.width, form.height
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)


def _with_bars(frame: VideoFrame, form: FilmForm) -> VideoFrame:
    """The frame in the middle of a black one."""
    black = black_frame(form)
    for plane, (target, source) in enumerate(zip(black.planes, frame.planes, strict=True)):
        sheet = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)  # type: ignore[call-overload]
        picture = np.frombuffer(source, np.uint8).reshape(source.height, source.line_size)  # type: ignore[call-overload]
        scale = 1 if plane == 0 else 2
        top = (form.height - frame.height) // 4 * 2 // scale
        left = (form.width - frame.width) // 4 * 2 // scale
        sheet[top : top + source.height, left : left + source.width] = picture[:, : source.width]
    return black
