"""The pictures that stand for an episode and its series: the frame of the film's takes with the most contrast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from tower.media.clips import find_video_stream
from tower.media.decode import MediaUnreadableError, open_container

MAX_MOMENTS = 12  # of a film; each is decoded from the keyframe before it
COMPARED_WIDTH_PX = 96
POSTER_SHAPE = (2, 3)  # width to height, as Jellyfin shows a series
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Moment:
    """A time in a take, in seconds."""

    take: Path
    time_s: float


@dataclass(frozen=True)
class Stills:
    """PNG files. `poster` is the part of `thumb` with the most detail, in the shape of a poster."""

    thumb: Path
    poster: Path


def write_stills(moments: Sequence[Moment], folder: Path) -> Stills | None:
    """Write the best picture of at most MAX_MOMENTS moments. Equal moments give equal files; None: none can be read."""
    best: Picture | None = None
    for picture in _read_pictures(_spread(moments)):
        if best is None or _contrast(picture) > _contrast(best):
            best = picture
    if best is None:
        return None
    stills = Stills(folder / "thumb.png", folder / "poster.png")
    _write(stills.thumb, best)
    _write(stills.poster, _crop(best))
    return stills


def _spread(moments: Sequence[Moment]) -> list[Moment]:
    """At most MAX_MOMENTS of the moments, at equal distances."""
    if len(moments) <= MAX_MOMENTS:
        return list(moments)
    return [moments[round(place)] for place in np.linspace(0, len(moments) - 1, MAX_MOMENTS)]


def _read_pictures(moments: Sequence[Moment]) -> Iterator[Picture]:
    for moment in moments:
        try:
            picture = _read_picture(moment)
        except (MediaUnreadableError, OSError, av.FFmpegError):
            continue  # another moment will do, and the film was checked when it was made
        if picture is not None:
            yield picture


def _read_picture(moment: Moment) -> Picture | None:
    """The frame at the moment, or the last one before it."""
    with open_container(moment.take) as container:
        video = find_video_stream(container, moment.take)
        container.seek(round(moment.time_s * av.time_base))
        found = None
        for frame in container.decode(video):
            found = frame
            if frame.time is not None and frame.time >= moment.time_s:
                break
        return None if found is None else np.asarray(found.to_ndarray(format="bgr24"), np.uint8)


def _contrast(picture: Picture) -> float:
    """The standard deviations of the three colours, in a picture so small that noise does not count."""
    height = max(1, round(picture.shape[0] * COMPARED_WIDTH_PX / picture.shape[1]))
    small = cv2.resize(picture, (COMPARED_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    return float(np.std(small.astype(np.float32), axis=(0, 1)).sum())


def _crop(picture: Picture) -> Picture:
    """The part of the full height, or of the full width of a tall picture, in the shape of a poster."""
    height, width = picture.shape[:2]
    kept_width = min(width, height * POSTER_SHAPE[0] // POSTER_SHAPE[1])
    kept_height = min(height, width * POSTER_SHAPE[1] // POSTER_SHAPE[0])
    detail = np.abs(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.CV_32F)).sum(axis=0)
    sums = np.convolve(detail, np.ones(kept_width, np.float32), "valid")
    left, top = int(np.argmax(sums)), (height - kept_height) // 2
    return picture[top : top + kept_height, left : left + kept_width]


def _write(path: Path, picture: Picture) -> None:
    encoded, content = cv2.imencode(".png", picture)
    assert encoded
    path.write_bytes(content.tobytes())
