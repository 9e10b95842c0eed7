"""How plans of cuts on beats are answered, by every service."""

from __future__ import annotations

from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, Field

from db.models.music import FrameTiming
from tower.sync.plan import Cut, Plan, Shot


class CutAnswer(BaseModel):
    """The beginning of a shot (or the end, if it is to be on a beat). Times in seconds."""

    event: str | None
    frame: int = Field(description="Of the video, from 0.")
    time_s: float = Field(description="In the video.")
    at_frame: int = Field(description="Of the result.")
    at_s: float = Field(description="In the result.")
    beat: int | None = Field(description="Number of the beat it takes, from 0; null: none was asked for here.")
    beat_s: float | None = Field(description="When that beat is, in the track.")
    strength: float | None = Field(description="Of that beat, 0–1.")
    error_ms: float | None = Field(description="How far the cut will be from its beat.")
    ratio: float = Field(description="How much longer the shot that begins here becomes.")

    @classmethod
    def of(cls, cut: Cut) -> Self:
        return cls.model_validate(asdict(cut))


class ShotAnswer(BaseModel):
    """What lies between two cuts, retimed. `starts_s` and `lasts_s` in the result."""

    number: int
    first_frame: int
    frames: int
    starts_s: float
    lasts_s: float
    ratio: float = Field(description="Its new length by its own; over 1 is slower.")

    @classmethod
    def of(cls, shot: Shot) -> Self:
        return cls.model_validate(asdict(shot))


class PredictedError(BaseModel):
    """How far cuts will be from their beats. Null where no cut was asked for."""

    worst_ms: float | None
    mean_ms: float | None


class PlanAnswer(BaseModel):
    """The result is as long as the video, to the frame."""

    frames: int
    fps: float
    duration_s: float
    timing: FrameTiming = Field(description="cfr: at the nearest frame, re-encoded; vfr: exact, copied.")
    offset_s: float = Field(description="Where in the track the video begins.")
    cut_list: list[CutAnswer]
    shots: list[ShotAnswer]
    predicted_error: PredictedError
    warnings: list[str]


def plan_fields(plan: Plan, warnings: tuple[str, ...] | None = None) -> dict[str, object]:
    """The fields of PlanAnswer."""
    return {
        "frames": plan.clip.frames,
        "fps": float(plan.clip.fps),
        "duration_s": plan.clip.duration_s,
        "timing": plan.timing,
        "offset_s": plan.offset_s,
        "cut_list": [CutAnswer.of(cut) for cut in plan.all_cuts],
        "shots": [ShotAnswer.of(shot) for shot in plan.shots],
        "predicted_error": PredictedError(worst_ms=plan.worst_error_ms, mean_ms=plan.mean_error_ms),
        "warnings": list(plan.warnings if warnings is None else warnings),
    }
