"""The result of an analysis: the tempo and the beats of a track, with a confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tower.errors import InvalidError

METHOD_VERSION = 3  # of the method: rises whenever the same file gives another result
MIN_BPM, MAX_BPM = 40.0, 240.0  # the range of tempos that are found
MIN_RANGE_RATIO = 1.05  # of high_bpm to low_bpm


@dataclass(frozen=True)
class TempoHint:
    """A hint for the analysis: an approximate tempo, or a range of tempos, in BPM. It may be empty.

    Raises InvalidError if no tempo can satisfy it.
    """

    bpm: float | None = None
    low_bpm: float | None = None
    high_bpm: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not MIN_BPM <= value <= MAX_BPM:
                raise InvalidError.field(name, value, f"a tempo from {MIN_BPM:.0f} to {MAX_BPM:.0f} BPM")
        low, high = self.low_bpm or MIN_BPM, self.high_bpm or MAX_BPM
        if high < low * MIN_RANGE_RATIO:
            raise InvalidError.field("high_bpm", self.high_bpm, f"at least {MIN_RANGE_RATIO} times low_bpm")
        if self.bpm is not None and not low <= self.bpm <= high:
            raise InvalidError.field("bpm", self.bpm, f"a tempo inside the range, {low:g} to {high:g} BPM")

    @property
    def key(self) -> str:
        """The same text for the same hint; empty for none."""
        return ",".join(f"{name}={value:g}" for name, value in asdict(self).items() if value is not None)


@dataclass(frozen=True)
class TempoChange:
    """The tempo is `bpm` from `time_s` on. The first one of an analysis is the initial tempo."""

    time_s: float
    bpm: float
    confidence: float


@dataclass(frozen=True)
class TempoCandidate:
    """One way to count the beats; the weights (0–1) of an analysis add up to 1."""

    bpm: float
    weight: float


@dataclass(frozen=True)
class Analysis:
    """The beats of a file. Times are seconds from the first sample of the file.

    `bpm`: of the tempo that most even beats have; None if no beat was found, and `reason` says why.
    `confidence`: 0–1; of all files with 0.9, about nine in ten are right (docs/beats.md describes the fit).
    `beat_strengths`: of each beat, 0–1, relative to the strong ones of the file; for cuts on strong beats.
    `sample_rate`: of the file, in Hz. `version`: of the method.
    """

    bpm: float | None
    confidence: float
    beat_times_s: tuple[float, ...]
    downbeat_times_s: tuple[float, ...]
    tempo_changes: tuple[TempoChange, ...]
    candidates: tuple[TempoCandidate, ...]
    duration_s: float
    sample_rate: int
    beat_strengths: tuple[float, ...]
    version: int = METHOD_VERSION
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Analysis:
        """Read the result of `as_json`. Raises TypeError or KeyError for anything else."""
        lists = ("beat_times_s", "downbeat_times_s", "beat_strengths")
        return cls(
            **{
                **kept,
                **{name: tuple(kept[name]) for name in lists},
                "tempo_changes": tuple(TempoChange(**change) for change in kept["tempo_changes"]),
                "candidates": tuple(TempoCandidate(**candidate) for candidate in kept["candidates"]),
            }
        )
