"""Probe a video file by decoding it, as headers can be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tower.media.decode import DecodeTally, MediaUnreadableError, decode_all, open_container


@dataclass(frozen=True)
class AudioTrack:
    """The first audio track. `duration_s` is computed from the decoded samples."""

    codec: str
    rate_hz: int
    channels: int
    duration_s: float


@dataclass(frozen=True)
class Probe:
    """A video file.

    width, height: in pixels.
    duration_s: of the video track.
    timing_error_ms: the largest distance of a frame from its time at a constant rate.
    faststart: whether the index comes before the media; None for containers other than MP4 and MOV.
    fault: a description of the damage; None for an intact file.
    lost: the frames that cannot be decoded, numbered from 0.
    """

    container: str
    codec: str
    profile: str | None
    pixel_format: str
    width: int
    height: int
    fps: Fraction
    frames: int
    duration_s: float
    timing_error_ms: float
    bytes: int
    faststart: bool | None
    audio: AudioTrack | None
    fault: str | None = None
    lost: tuple[int, ...] = ()

    @property
    def has_audio(self) -> bool:
        return self.audio is not None

    def as_json(self) -> dict[str, Any]:
        """Return the value of an asset's `probe` column. `fps_exact` is the fraction as text, such as "24000/1001"."""
        return asdict(self) | {
            "fps": float(self.fps),
            "fps_exact": str(self.fps),
            "has_audio": self.has_audio,
            "lost": list(self.lost),
        }


def probe(path: Path) -> Probe:
    """Decode the whole file and describe it.

    Raises MediaUnreadableError unless it is a regular local file with a video whose frames can all be decoded.
    """
    found = probe_frames(path)
    if found.fault:
        raise MediaUnreadableError(f"{path.name} is damaged or cut off: {found.fault}")
    return found


def probe_frames(
    path: Path,
    *,
    on_picture: Callable[[VideoFrame], None] = lambda _: None,
    on_sound: Callable[[AudioFrame], None] = lambda _: None,
) -> Probe:
    """Decode the whole file, passing every frame to the callbacks. A damaged file is returned with its `fault`.

    Raises MediaUnreadableError if no frame can be decoded.
    """
    with open_container(path) as container:
        video = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
        if video is None:
            raise MediaUnreadableError(f"{path.name} has no video track")
        tally = decode_all(container, video, on_picture=on_picture, on_sound=on_sound)
        if not tally.frames:
            raise MediaUnreadableError(f"{path.name} has no frame that can be decoded")
        return _describe(path, container, video, tally)


def _describe(path: Path, container: InputContainer, video: VideoStream, tally: DecodeTally) -> Probe:
    fps = _frame_rate(video, tally.display_times)
    return Probe(
        container=_container_name(container),
        codec=video.codec_context.codec.canonical_name,
        profile=video.profile,
        pixel_format=video.pix_fmt or "unknown",
        width=video.width,
        height=video.height,
        fps=fps,
        frames=tally.frames,
        duration_s=float(tally.frames / fps),
        timing_error_ms=_timing_error_ms(video, tally.display_times, fps),
        bytes=path.stat().st_size,
        faststart=has_index_first(path) if "mp4" in container.format.name else None,
        audio=_audio_track(container, tally),
        fault=tally.fault,
        lost=tally.lost,
    )


def _frame_rate(video: VideoStream, times: list[int]) -> Fraction:
    """Return the frame rate over the presentation times, or the header's rate if both agree within one tick."""
    declared = video.average_rate or video.guessed_rate
    ticks = max(times) - min(times)
    if ticks <= 0 or video.time_base is None:
        if declared is None:
            raise MediaUnreadableError("The file has a single frame and no frame rate")
        return declared
    steps = len(times) - 1
    measured = steps / (ticks * video.time_base)
    return declared if declared and abs(steps / declared / video.time_base - ticks) <= 1 else measured


def _timing_error_ms(video: VideoStream, times: list[int], fps: Fraction) -> float:
    tick_ms = float((video.time_base or Fraction(0)) * 1000)
    step_ms, first = float(1000 / fps), min(times)
    return max(abs((time - first) * tick_ms - i * step_ms) for i, time in enumerate(sorted(times)))


def _audio_track(container: InputContainer, tally: DecodeTally) -> AudioTrack | None:
    if not container.streams.audio:
        return None
    context = container.streams.audio[0].codec_context
    rate = context.sample_rate
    return AudioTrack(context.name, rate, context.channels, tally.samples / rate if rate else 0.0)


def _container_name(container: InputContainer) -> str:
    if "mp4" not in container.format.name:
        return container.format.name
    return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"


def has_index_first(path: Path) -> bool:
    """Whether `moov` comes before `mdat` among the top-level boxes (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        for kind in _box_types(file):
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
    return False


def _box_types(file: BinaryIO) -> Iterator[bytes]:
    """Yield the types of the top-level boxes. A size of 1 means that 64 bits follow, 0 that it is the last box."""
    while len(head := file.read(8)) == 8:
        yield head[4:]
        size = int.from_bytes(head[:4], "big")
        header = 16 if size == 1 else 8
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if size < header:
            return
        file.seek(size - header, 1)
