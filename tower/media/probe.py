"""What a video file really holds: counted and measured on its decoded frames, not believed from its header."""

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

from tower.media.decode import MediaUnreadableError, Tally, opened, play


@dataclass(frozen=True)
class Sound:
    """The first sound track. `duration_s` from the decoded samples."""

    codec: str
    rate_hz: int
    channels: int
    duration_s: float


@dataclass(frozen=True)
class Probe:
    """A video file. Sizes in pixels; `fps` exact; `duration_s` of the pictures.

    `timing_error_ms`: how far the worst frame is shown from where an even rate would put it.
    `faststart`: the index lies before the media; None where the container has no such thing.
    `fault`: what cannot be decoded, in words; `lost`: those frames, from 0. None and empty in a whole file.
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
    audio: Sound | None
    fault: str | None = None
    lost: tuple[int, ...] = ()

    @property
    def has_audio(self) -> bool:
        return self.audio is not None

    def as_json(self) -> dict[str, Any]:
        """For the `probe` column of an asset. `fps` is a number; `fps_exact` its fraction, "24000/1001"."""
        return asdict(self) | {
            "fps": float(self.fps),
            "fps_exact": str(self.fps),
            "has_audio": self.has_audio,
            "lost": list(self.lost),
        }


def probe(path: Path) -> Probe:
    """Decode the whole file and say what it is.

    Raises MediaUnreadableError unless it is a regular local file with a video of which every frame decodes.
    """
    found = look_through(path)
    if found.fault:
        raise MediaUnreadableError(f"{path.name} is damaged or cut off: {found.fault}")
    return found


def look_through(
    path: Path,
    *,
    on_picture: Callable[[VideoFrame], None] = lambda _: None,
    on_sound: Callable[[AudioFrame], None] = lambda _: None,
) -> Probe:
    """The same, handing on every decoded frame in the one pass; a damaged file comes back with its `fault`.

    Raises MediaUnreadableError if there is not a single picture.
    """
    with opened(path) as container:
        video = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
        if video is None:
            raise MediaUnreadableError(f"{path.name} holds no moving pictures")
        tally = play(container, video, on_picture=on_picture, on_sound=on_sound)
        if not tally.frames:
            raise MediaUnreadableError(f"{path.name} holds no picture that can be decoded")
        return _described(path, container, video, tally)


def _described(path: Path, container: InputContainer, video: VideoStream, tally: Tally) -> Probe:
    fps = _rate(video, tally.times)
    return Probe(
        container=_name(container),
        codec=video.codec_context.codec.canonical_name,
        profile=video.profile,
        pixel_format=video.pix_fmt or "unknown",
        width=video.width,
        height=video.height,
        fps=fps,
        frames=tally.frames,
        duration_s=float(tally.frames / fps),
        timing_error_ms=_timing_error_ms(video, tally.times, fps),
        bytes=path.stat().st_size,
        faststart=_index_first(path) if "mp4" in container.format.name else None,
        audio=_sound(container, tally),
        fault=tally.fault,
        lost=tally.lost,
    )


def _rate(video: VideoStream, times: list[int]) -> Fraction:
    """Frames a second over the shown times; the header's rate where the two agree within a tick of a coarse clock."""
    said = video.average_rate or video.guessed_rate
    ticks = max(times) - min(times)
    if ticks <= 0 or video.time_base is None:
        if said is None:
            raise MediaUnreadableError("The file does not say how long its one picture is shown")
        return said
    steps = len(times) - 1
    measured = steps / (ticks * video.time_base)
    return said if said and abs(steps / said / video.time_base - ticks) <= 1 else measured


def _timing_error_ms(video: VideoStream, times: list[int], fps: Fraction) -> float:
    tick_ms = float((video.time_base or Fraction(0)) * 1000)
    step_ms, first = float(1000 / fps), min(times)
    return max(abs((time - first) * tick_ms - i * step_ms) for i, time in enumerate(sorted(times)))


def _sound(container: InputContainer, tally: Tally) -> Sound | None:
    if not container.streams.audio:
        return None
    context = container.streams.audio[0].codec_context
    rate = context.sample_rate
    return Sound(context.name, rate, context.channels, tally.samples / rate if rate else 0.0)


def _name(container: InputContainer) -> str:
    if "mp4" not in container.format.name:
        return container.format.name
    return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"


def _index_first(path: Path) -> bool:
    """Whether `moov` comes before `mdat` among the file's top boxes (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        for kind in _boxes(file):
            if kind in (b"moov", b"mdat"):
                return kind == b"moov"
    return False


def _boxes(file: BinaryIO) -> Iterator[bytes]:
    """The kinds of the top boxes in order. A size of 1 means that 64 bits follow, 0 that it is the last."""
    while len(head := file.read(8)) == 8:
        yield head[4:]
        size = int.from_bytes(head[:4], "big")
        passed = 16 if size == 1 else 8
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if size < passed:
            return
        file.seek(size - passed, 1)
