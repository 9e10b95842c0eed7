"""Takes off what a server renders beyond a shot, because it takes only certain sizes and numbers of frames."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from tower.media.decode import decode_all, open_container
from tower.media.encode import VideoWriter
from tower.media.x264 import MP4_OPTIONS


def fit_clip(clip: Path, *, size: tuple[int, int], frames: int, fps: float) -> None:
    """Encode the first `frames` of a clip again, cropped to the middle, in its place. Its sound is copied."""
    pictures, fitted = clip.with_name(f"{clip.name}.pictures"), clip.with_name(f"{clip.name}.fitted")
    try:
        _encode_first(clip, pictures, size=size, frames=frames, fps=fps)
        _join_streams(pictures, clip, fitted, end_s=frames / fps)
        fitted.replace(clip)
    finally:
        pictures.unlink(missing_ok=True)
        fitted.unlink(missing_ok=True)


def crop_middle(picture: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """The middle of a picture, `size` as (width, height)."""
    width, height = size
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def _encode_first(clip: Path, target: Path, *, size: tuple[int, int], frames: int, fps: float) -> None:
    with VideoWriter(target, size=size, fps=fps, frames=frames) as writer, open_container(clip) as container:
        left = iter(range(frames))

        def write(frame: VideoFrame) -> None:
            if next(left, None) is not None:
                writer.write(crop_middle(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), size))

        decode_all(container, container.streams.video[0], on_picture=write, on_sound=lambda _: None)


def _join_streams(pictures: Path, sounding: Path, target: Path, *, end_s: float) -> None:
    """Copy the pictures of one file, and the sound of another until `end_s` if it has any, into one file."""
    with (
        open_container(pictures) as video_file,
        open_container(sounding) as sound_file,
        av.open(str(target), "w", format="mp4", options=MP4_OPTIONS) as out,
    ):
        packets = _copied_packets(video_file, video_file.streams.video[0], out, end_s=math.inf)
        if sound_file.streams.audio:
            packets += _copied_packets(sound_file, sound_file.streams.audio[0], out, end_s=end_s)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            out.mux(packet)


def _copied_packets(
    container: InputContainer, stream: Stream, out: OutputContainer, *, end_s: float
) -> list[Packet[Stream]]:
    """The packets that begin before `end_s`, for a stream of `out`."""
    copy = out.add_stream_from_template(stream)
    packets = [p for p in container.demux(stream) if p.pts is not None and p.pts * p.time_base < end_s]
    for packet in packets:
        packet.stream = copy
    return packets
