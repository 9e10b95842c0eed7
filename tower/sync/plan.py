"""A video cut to music: where each of its moments is shown, and how its shots are stretched between them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from statistics import fmean
from typing import Any

from db.models.music import FrameTiming


@dataclass(frozen=True)
class Clip:
    """The video as it is: so many frames at an even rate."""

    frames: int
    fps: Fraction

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.fps)


@dataclass(frozen=True)
class SyncPoint:
    """A moment of the video that shall fall on a beat: the frame that begins it, and what happens there.

    `wish_s`: where in the result; None: where it is in the video.
    """

    frame: int
    event: str | None = None
    wish_s: float | None = None


@dataclass(frozen=True)
class Cut:
    """The beginning of a shot. Times of the track are counted from its first sample, the others from the first frame.

    `frame` and `time_s`: in the video. `at_frame` and `at_s`: in the result, where its own time is kept by
    a constant rate or by the frame itself. `beat_s`: of the track; None: nothing was to be met here. `error_ms`: how
    far it is from its beat, predicted. `ratio`: how much longer the shot that begins here becomes.
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
class Shot:
    """What lies between two cuts. `starts_s` and `lasts_s` in the result; `ratio` over 1 is slower."""

    number: int
    first_frame: int
    frames: int
    starts_s: float
    lasts_s: float
    ratio: float


@dataclass(frozen=True)
class Plan:
    """`cuts`: one for each shot, the first at 0. `offset_s`: where in the track the video begins.

    The result is as long as the video, to the frame.
    """

    clip: Clip
    timing: FrameTiming
    offset_s: float
    cuts: tuple[Cut, ...]
    end: Cut | None
    warnings: tuple[str, ...]

    @property
    def shots(self) -> list[Shot]:
        ends = [(cut.frame, cut.at_s) for cut in self.cuts[1:]] + [(self.clip.frames, self.clip.duration_s)]
        return [
            Shot(number, cut.frame, frame - cut.frame, cut.at_s, at_s - cut.at_s, cut.ratio)
            for number, (cut, (frame, at_s)) in enumerate(zip(self.cuts, ends, strict=True), start=1)
        ]

    @property
    def all_cuts(self) -> list[Cut]:
        """And the end, if it was asked for."""
        return [*self.cuts, *([self.end] if self.end else [])]

    @property
    def met(self) -> list[Cut]:
        """Those that are meant to be on a beat."""
        return [cut for cut in self.all_cuts if cut.beat_s is not None]

    @property
    def worst_error_ms(self) -> float | None:
        """None where no cut was asked for."""
        return max((cut.error_ms or 0.0 for cut in self.met), default=None)

    @property
    def mean_error_ms(self) -> float | None:
        return fmean(cut.error_ms or 0.0 for cut in self.met) if self.met else None

    def cut_list(self) -> list[dict[str, Any]]:
        return [asdict(cut) for cut in self.all_cuts]
