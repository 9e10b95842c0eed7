"""The pictures of the fake: a textured ground under a moving camera, with moving discs, derived from the seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # height × width × RGB
PIXELS_PER_FRAME = 3  # movement of the camera
TAGS = (ColorRange.MPEG, Colorspace.ITU709, ColorPrimaries.BT709, ColorTrc.BT709)


@dataclass(frozen=True)
class FrameRecipe:
    """A description of frames. With `colour` they have that one colour; with `still` they all show that file."""

    width: int
    height: int
    count: int = 1
    seed: int = 0
    colour: tuple[int, int, int] | None = None
    still: Path | None = None


@dataclass(frozen=True)
class VideoCoding:
    """`writes_colour_tags` writes BT.709, as VideoHelperSuite does; core ComfyUI leaves it open."""

    fps: float
    crf: float = 23.0
    pix_fmt: str = "yuv420p"
    writes_colour_tags: bool = False
    metadata: str = ""


def draw_frames(frames: FrameRecipe) -> Iterator[Picture]:
    if frames.colour is not None:
        yield from [np.full((frames.height, frames.width, 3), frames.colour, np.uint8)] * frames.count
    elif frames.still is not None:
        yield from [_scaled(frames.still, frames)] * frames.count
    else:
        yield from _moving(frames)


def pad_to_even(picture: Picture) -> Picture:
    """Repeat the last row or column if a side is odd, as VideoHelperSuite does."""
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def write_mp4(path: Path, pictures: Iterable[Picture], coding: VideoCoding) -> Iterator[int]:
    """Write one picture at a time and yield the count after each. Closing it early leaves a short file."""
    written = 0
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags+faststart"}) as container:
        if coding.metadata:
            container.metadata["prompt"] = coding.metadata
        stream = container.add_stream("libx264", rate=Fraction(coding.fps).limit_denominator(1001))
        stream.pix_fmt = coding.pix_fmt
        stream.options = {"crf": f"{coding.crf:g}", "preset": "veryfast"}
        stream.thread_count = 1
        if coding.writes_colour_tags:
            context = stream.codec_context
            context.color_range, context.colorspace, context.color_primaries, context.color_trc = TAGS
        for picture in pictures:
            if not written:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            target = Colorspace.ITU709 if coding.writes_colour_tags else Colorspace.DEFAULT
            container.mux(stream.encode(frame.reformat(format=coding.pix_fmt, dst_colorspace=target)))
            written += 1
            yield written
        container.mux(stream.encode())


def write_picture(path: Path, picture: Picture) -> None:
    path.write_bytes(encode_picture(picture, ".png"))


def encode_picture(picture: Picture, suffix: str) -> bytes:
    done, content = cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"OpenCV cannot write {suffix}")
    return content.tobytes()


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture file; None if it is not a picture."""
    content = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    return None if picture is None else (picture.shape[1], picture.shape[0])


def _scaled(path: Path, frames: FrameRecipe) -> Picture:
    read = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if read is None:
        raise ValueError(f"{path} is no picture")
    return np.asarray(cv2.cvtColor(cv2.resize(read, (frames.width, frames.height)), cv2.COLOR_BGR2RGB), np.uint8)


def _moving(frames: FrameRecipe) -> Iterator[Picture]:
    chance = np.random.default_rng(frames.seed)
    margin = PIXELS_PER_FRAME * frames.count
    ground = _ground(frames.height, frames.width + margin, chance)
    discs = [_disc(frames, chance) for _ in range(4)]
    for index in range(frames.count):
        offset = PIXELS_PER_FRAME * index
        picture = np.ascontiguousarray(ground[:, offset : offset + frames.width])
        for centre, step, radius, colour in discs:
            x, y = (centre + step * index) % (frames.width, frames.height)
            cv2.circle(picture, (int(x), int(y)), radius, colour, -1, cv2.LINE_AA)
        yield picture


def _ground(height: int, width: int, chance: np.random.Generator) -> Picture:
    """Hills of light at several scales: detail everywhere, and no noise."""
    light = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 70), (9, 60), (27, 40)):
        shape = (cells, max(2, cells * width // height))
        grid = chance.random(shape, np.float32)
        light += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    tint = chance.uniform(0.6, 1.2, 3).astype(np.float32)
    return np.asarray(np.clip(30 + light[..., None] * tint, 16, 235), np.uint8)


def _disc(
    frames: FrameRecipe, chance: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, tuple[int, int, int]]:
    """Centre, step per frame, radius, colour."""
    small = min(frames.width, frames.height)
    centre = chance.uniform(0, (frames.width, frames.height))
    step = chance.uniform(0.004, 0.012, 2) * small * chance.choice([-1, 1], 2)
    red, green, blue = chance.integers(40, 220, 3)
    return centre, step, max(2, int(small * chance.uniform(0.05, 0.12))), (int(red), int(green), int(blue))
