"""Measures how far the cuts of a finished file are from their beats, by the times of its decoded frames and samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from tower.media.probe import Probe, probe_frames
from tower.sync.plan import CutPlan


@dataclass(frozen=True)
class SyncMeasurement:
    """The distance of each cut from its beat, for the cuts that have one. Worst and mean are None if there are none."""

    errors_ms: tuple[float, ...]

    @property
    def worst_ms(self) -> float | None:
        return max(self.errors_ms, default=None)

    @property
    def mean_ms(self) -> float | None:
        return fmean(self.errors_ms) if self.errors_ms else None


def measure_sync(path: Path, plan: CutPlan) -> tuple[Probe, SyncMeasurement]:
    """Decode the whole file once and measure it. If the end is meant for a beat, the end of the last frame counts.

    Raises MediaUnreadableError.
    """
    frame_times_s: list[float] = []
    sound_starts_s: list[float] = []

    def on_picture(frame: VideoFrame) -> None:
        frame_times_s.append(float(frame.time or 0.0))

    def on_sound(frame: AudioFrame) -> None:
        if not sound_starts_s:
            sound_starts_s.append(float(frame.time or 0.0))

    probe = probe_frames(path, on_picture=on_picture, on_sound=on_sound)
    music_starts_s = (
        sound_starts_s[0] if sound_starts_s else 0.0
    )  # the music starts here, at the plan's offset into the track
    errors = []
    for cut in plan.cuts_on_beats:
        starts_s = frame_times_s[cut.at_frame] if cut.at_frame < len(frame_times_s) else cut.at_s
        assert cut.beat_s is not None
        errors.append(abs(starts_s - (music_starts_s + cut.beat_s - plan.offset_s)) * 1000)
    return probe, SyncMeasurement(tuple(errors))
