"""How far the cuts of a finished file are from their beats, on the times that its decoded frames and samples have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from tower.media.probe import Probe, look_through
from tower.sync.plan import Plan


@dataclass(frozen=True)
class Measured:
    """`errors_ms`: of each cut that a beat was meant for, in order. Worst and mean are None where there is none."""

    errors_ms: tuple[float, ...]

    @property
    def worst_ms(self) -> float | None:
        return max(self.errors_ms, default=None)

    @property
    def mean_ms(self) -> float | None:
        return fmean(self.errors_ms) if self.errors_ms else None


def measure(path: Path, plan: Plan) -> tuple[Probe, Measured]:
    """Decode the whole file once. An end that was to be on a beat counts by the end of the last frame.

    Raises MediaUnreadableError.
    """
    shown: list[float] = []
    heard: list[float] = []

    def see(frame: VideoFrame) -> None:
        shown.append(float(frame.time or 0.0))

    def hear(frame: AudioFrame) -> None:
        if not heard:
            heard.append(float(frame.time or 0.0))

    probe = look_through(path, on_picture=see, on_sound=hear)
    starts_s = heard[0] if heard else 0.0  # of the music: there it is at the plan's offset
    errors = []
    for cut in plan.met:
        begins_s = shown[cut.at_frame] if cut.at_frame < len(shown) else cut.at_s
        assert cut.beat_s is not None
        errors.append(abs(begins_s - (starts_s + cut.beat_s - plan.offset_s)) * 1000)
    return probe, Measured(tuple(errors))
