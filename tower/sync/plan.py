"""The plan of a video cut to music: when each moment is shown, and how the shots in between are stretched."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from statistics import fmean
from typing import Any

from db.models.music import FrameTiming


@dataclass(frozen=True)
class SourceClip:
    """The video before it is cut to music: a number of frames at a constant rate."""

    frames: int
    fps: Fraction

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.fps)


@dataclass(frozen=True)
class SyncPoint:
    """A moment of the video that should fall on a beat: its first frame, and the event that happens there.

    `target_s`: the desired time in the result; None for the time in the video.
    """

    frame: int
    event: str | None = None
    target_s: float | None = None


@dataclass(frozen=True)
class Cut:
    """The start of a shot. Times in the track count from its first sample, the others from the first frame.

    `frame` and `time_s` are in the video, `at_frame` and `at_s` in the result. With variable frame timing every frame
    is kept, so that `at_frame` equals `frame`. `beat_s`: in the track; None for a cut that is not meant for a beat.
    `error_ms`: the predicted distance from the beat. `ratio`: the new length of the shot that starts here divided by
    its own length.
    """

    event: str | None
    frame: int
    time_s: float
    at_frame: int
    at_s: float
    beat: int | None
    beat_s: float | None
    strength: float | None
    error_ms: float | None
    ratio: float


@dataclass(frozen=True)
class RetimedShot:
    """The video between two cuts. `starts_s` and `lasts_s` are in the result; a `ratio` over 1 is slower."""

    number: int
    first_frame: int
    frames: int
    starts_s: float
    lasts_s: float
    ratio: float


@dataclass(frozen=True)
class CutPlan:
    """Where each shot of a video starts in the result, which is exactly as long as the video.

    `cuts`: one for each shot, the first at 0. `offset_s`: the time in the track at which the video starts.
    """

    clip: SourceClip
    timing: FrameTiming
    offset_s: float
    cuts: tuple[Cut, ...]
    end_cut: Cut | None
    warnings: tuple[str, ...]

    @property
    def shots(self) -> list[RetimedShot]:
        ends = [(cut.frame, cut.at_s) for cut in self.cuts[1:]] + [(self.clip.frames, self.clip.duration_s)]
        return [
            RetimedShot(number, cut.frame, frame - cut.frame, cut.at_s, at_s - cut.at_s, cut.ratio)
            for number, (cut, (frame, at_s)) in enumerate(zip(self.cuts, ends, strict=True), start=1)
        ]

    @property
    def all_cuts(self) -> list[Cut]:
        """The cuts, and the end if it is a sync point."""
        return [*self.cuts, *([self.end_cut] if self.end_cut else [])]

    @property
    def cuts_on_beats(self) -> list[Cut]:
        """The cuts that are meant to fall on a beat."""
        return [cut for cut in self.all_cuts if cut.beat_s is not None]

    @property
    def worst_error_ms(self) -> float | None:
        """The largest predicted error; None if no cut is meant for a beat."""
        return max((cut.error_ms or 0.0 for cut in self.cuts_on_beats), default=None)

    @property
    def mean_error_ms(self) -> float | None:
        return fmean(cut.error_ms or 0.0 for cut in self.cuts_on_beats) if self.cuts_on_beats else None

    def cut_list(self) -> list[dict[str, Any]]:
        return [asdict(cut) for cut in self.all_cuts]
