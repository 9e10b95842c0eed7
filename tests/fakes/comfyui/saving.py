"""The output nodes, which write real files and report their names."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import av

from tests.fakes.comfyui.errors import NodeError
from tests.fakes.comfyui.files import FileTarget, OutsideFolderError, ServerFolders
from tests.fakes.comfyui.misbehaviour import (
    ActiveMisbehaviours,
    BlackPicture,
    FrozenPicture,
    GarbageFile,
    PaddedFile,
    ShortFile,
    SuccessWithoutFile,
    WrongFrameCount,
)
from tests.fakes.comfyui.pictures import (
    FrameRecipe,
    Picture,
    VideoCoding,
    draw_frames,
    pad_to_even,
    write_mp4,
    write_picture,
)

TICK_S = 0.1  # minimum time between two progress messages while frames are written
PIPE_BYTES = 65_536  # A larger first frame fails with the broken pipe of an ffmpeg that never started.
ODD_SIZE = "[Errno 542398533] Generic error in an external library: 'avcodec_open2(\"libx264\", {})'\n"
Tick = Callable[[int, int, FrameRecipe | None], None]


@dataclass(frozen=True)
class FakeVideo:
    frames: FrameRecipe
    fps: float


@dataclass(frozen=True)
class SavedFiles:
    outputs: list[Any]
    ui: dict[str, Any]


def combine_video(
    inputs: dict[str, Any], folders: ServerFolders, misbehaviours: ActiveMisbehaviours, metadata: str, tick: Tick
) -> SavedFiles:
    """VHS_VideoCombine, H.264 only."""
    if inputs["format"] != "video/h264-mp4":
        raise NodeError("NotImplementedError", f"the fake does not write {inputs['format']}\n")
    frames: FrameRecipe = inputs["images"]
    target = _target(folders, inputs["filename_prefix"], "output" if inputs.get("save_output", True) else "temp")
    name = f"{target.name}_{target.next_number():05}"
    path, cover = target.folder / f"{name}.mp4", target.folder / f"{name}.png"
    write_picture(cover, next(iter(draw_frames(replace(frames, count=1)))))
    pix_fmt, fps = inputs.get("pix_fmt", "yuv420p"), float(inputs["frame_rate"])
    total, pictures = _back_and_forth(frames, misbehaviours, pingpong=inputs.get("pingpong", False))
    written = _throttled(tick, total)
    if _knows(pix_fmt):
        coding = VideoCoding(fps, inputs.get("crf", 19), pix_fmt, writes_colour_tags=True, metadata=metadata)
        _film(path, map(pad_to_even, pictures), coding, misbehaviours, written)
    else:
        _without_ffmpeg(path, frames, pix_fmt, written)
    gif: dict[str, Any] = {**target.describe(path.name), "format": inputs["format"], "frame_rate": fps}
    gif |= {"workflow": cover.name, "fullpath": str(path)}
    return SavedFiles([[True, [str(cover), str(path)]]], {"gifs": [gif]})


def save_video(
    inputs: dict[str, Any], folders: ServerFolders, misbehaviours: ActiveMisbehaviours, metadata: str, tick: Tick
) -> SavedFiles:
    clip: FakeVideo = inputs["video"]
    if inputs["codec"] not in ("auto", "h264"):
        raise NodeError("TypeError", "SaveVideo.execute() missing 1 required positional argument: 'codec'\n")
    target = _target(folders, inputs["filename_prefix"], "output", clip.frames)
    if clip.frames.width % 2 or clip.frames.height % 2:
        raise NodeError("av.error.ExternalError", ODD_SIZE)
    path = target.folder / f"{target.name}_{target.next_number():05}_.mp4"
    coding = VideoCoding(clip.fps, inputs.get("codec.encoding.crf", 23.0), metadata=metadata)
    _film(path, _back_and_forth(clip.frames, misbehaviours, pingpong=False)[1], coding, misbehaviours, lambda _: None)
    return SavedFiles([clip], {"images": [target.describe(path.name)], "animated": [True]})


def save_images(
    inputs: dict[str, Any], folders: ServerFolders, misbehaviours: ActiveMisbehaviours, metadata: str, tick: Tick
) -> SavedFiles:
    """SaveImage; PreviewImage has no prefix and writes to the temp folder."""
    frames: FrameRecipe = inputs["images"]
    kind = "output" if "filename_prefix" in inputs else "temp"
    target = _target(folders, inputs.get("filename_prefix", "ComfyUI_temp_fake"), kind, frames)
    first, saved_files = target.next_number(), []
    black = misbehaviours.take(BlackPicture)
    for number, picture in enumerate(draw_frames(replace(frames, colour=(0, 0, 0)) if black else frames), first):
        name = f"{target.name}_{number:05}_.png"
        write_picture(target.folder / name, picture)
        saved_files.append(target.describe(name))
    return SavedFiles([frames], {"images": saved_files})


SAVERS: dict[str, Callable[[dict[str, Any], ServerFolders, ActiveMisbehaviours, str, Tick], SavedFiles]] = {
    "VHS_VideoCombine": combine_video,
    "SaveVideo": save_video,
    "SaveImage": save_images,
    "PreviewImage": save_images,
}


def _target(folders: ServerFolders, prefix: str, kind: str, frames: FrameRecipe | None = None) -> FileTarget:
    try:
        return folders.open_target(prefix, kind, (frames.width, frames.height) if frames else (0, 0))
    except OutsideFolderError as outside:
        raise NodeError("Exception", str(outside)) from outside


def _knows(pix_fmt: str) -> bool:
    try:
        av.VideoFormat(pix_fmt)
    except ValueError:
        return False
    return True


def _without_ffmpeg(path: Path, frames: FrameRecipe, pix_fmt: str, written: Callable[[int], None]) -> None:
    """ffmpeg rejects its arguments and exits; VHS notices only if a frame does not fit into the pipe."""
    written(1)
    if frames.width * frames.height * 3 > PIPE_BYTES:
        raise NodeError(
            "Exception",
            "An error occurred in the ffmpeg subprocess:\n"
            f"[vost#0:0/libx264 @ 0x55dc0cf77e40] Unknown pixel format requested: {pix_fmt}.\n"
            f"Error opening output file {path}.\nError opening output files: Invalid argument\n\n",
        )
    written(frames.count)


def _back_and_forth(
    frames: FrameRecipe, misbehaviours: ActiveMisbehaviours, *, pingpong: bool
) -> tuple[int, Iterator[Picture]]:
    """The number of pictures and the pictures, after the active misbehaviours."""
    if misbehaviours.take(BlackPicture):
        frames = replace(frames, colour=(0, 0, 0))
    if wrong := misbehaviours.take(WrongFrameCount):
        frames = replace(frames, count=max(1, frames.count + wrong.by))
    if misbehaviours.take(FrozenPicture):
        return frames.count, repeat(next(draw_frames(frames)), frames.count)
    if not pingpong:
        return frames.count, draw_frames(frames)
    pictures = list(draw_frames(frames))
    return len(pictures) * 2 - 2, chain(pictures, pictures[-2:0:-1])


def _throttled(tick: Tick, total: int) -> Callable[[int], None]:
    """Report progress at the first frame, then every TICK_S, and at the last."""
    last = 0.0

    def written(count: int) -> None:
        nonlocal last
        now = time.monotonic()
        if count in (1, total) or now - last >= TICK_S:
            last = now
            tick(count, total, None)

    return written


def _film(
    path: Path,
    pictures: Iterator[Picture],
    coding: VideoCoding,
    misbehaviours: ActiveMisbehaviours,
    written: Callable[[int], None],
) -> None:
    without_file = misbehaviours.take(SuccessWithoutFile)
    counts = (count for count, _ in enumerate(pictures, 1)) if without_file else write_mp4(path, pictures, coding)
    for count in counts:
        written(count)
    if without_file:
        return
    if misbehaviours.take(GarbageFile):
        path.write_bytes(b"this is no video\n" * 64)
    if short := misbehaviours.take(ShortFile):
        os.truncate(path, int(path.stat().st_size * short.share))
    if padded := misbehaviours.take(PaddedFile):
        _pad(path, padded.file_bytes)


def _pad(path: Path, file_bytes: int) -> None:
    """Pad the file to this size with one `free` box; the file is sparse and uses no disk."""
    box_bytes = file_bytes - path.stat().st_size
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", box_bytes, b"free"))
        file.truncate(file_bytes)
