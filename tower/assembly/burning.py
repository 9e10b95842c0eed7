"""Draws subtitles into the pictures of a shot, if the cut asks for it. Each line is rasterised once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from tower.assembly.cut import FilmForm
from tower.assembly.encoding import BLACK_LUMA, NO_CHROMA
from tower.assembly.lettering import TextBlock, draw_block, fit_size
from tower.assembly.subtitles import SubtitleLine

WHITE_LUMA = 235
SIZE, WIDTH, HEIGHT, BOTTOM = 0.055, 0.9, 0.4, 0.05  # shares of the height, and of the width for WIDTH


def burn_lines(frames: Iterable[VideoFrame], lines: Sequence[SubtitleLine], form: FilmForm) -> Iterator[VideoFrame]:
    """The frames, each with the line that is seen at its number."""
    if not lines:
        yield from frames
        return
    block, drawn = None, None
    for number, frame in enumerate(frames):
        line = next((line for line in lines if line.start_frame <= number < line.end_frame), None)
        if line is None:
            yield frame
            continue
        if line is not drawn:
            block, drawn = _draw(line, form), line
        assert block is not None
        yield _with_text(frame, block, form)


def _draw(line: SubtitleLine, form: FilmForm) -> TextBlock:
    texts, width = line.text.split("\n"), round(WIDTH * form.width)
    wanted, height = max(8, round(SIZE * form.height)), round(HEIGHT * form.height)
    size = fit_size(texts, size_px=wanted, width_px=width, height_px=height)
    return draw_block(texts, size_px=size, width_px=width)


def _with_text(frame: VideoFrame, block: TextBlock, form: FilmForm) -> VideoFrame:
    planes = np.asarray(frame.to_ndarray(), np.uint8)
    luma = planes[: form.height]
    outline, letters = _placed(block.outline, form), _placed(block.letters, form)
    luma[:] = _mix(_mix(luma, outline, BLACK_LUMA), letters, WHITE_LUMA)
    colourless = cv2.resize(outline, (form.width // 2, form.height // 2), interpolation=cv2.INTER_AREA)
    chroma = planes[form.height :].reshape(2, form.height // 2, form.width // 2)
    for plane in chroma:
        plane[:] = _mix(plane, np.asarray(colourless, np.uint8), NO_CHROMA)
    return VideoFrame.from_ndarray(planes, format="yuv420p")


def _placed(mask: npt.NDArray[np.uint8], form: FilmForm) -> npt.NDArray[np.uint8]:
    sheet = np.zeros((form.height, form.width), np.uint8)
    height = min(mask.shape[0], form.height)
    top = max(0, form.height - round(BOTTOM * form.height) - height)
    left = (form.width - mask.shape[1]) // 2
    sheet[top : top + height, left : left + mask.shape[1]] = mask[:height]
    return sheet


def _mix(plane: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], level: int) -> npt.NDArray[np.uint8]:
    share = mask.astype(np.uint16)
    return ((plane * (255 - share) + level * share + 127) // 255).astype(np.uint8)
