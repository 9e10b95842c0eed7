"""The answers for plans of cuts on beats, shared by the services."""

from __future__ import annotations

from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, Field

from db.models.music import FrameTiming
from tower.sync.plan import Cut, CutPlan, RetimedShot


class CutAnswer(BaseModel):
    """The start of a shot, or the end of the video if that is to be on a beat. Times are in seconds."""

    event: str | None
    frame: int = Field(description="Frame of the video, from 0.")
    time_s: float = Field(description="Time in the video.")
    at_frame: int = Field(description="Frame of the result, from 0.")
    at_s: float = Field(description="Time in the result.")
    beat: int | None = Field(
        description="Number of the beat that it is moved to, from 0; null if none was requested here."
    )
    beat_s: float | None = Field(description="Time of that beat in the track.")
    strength: float | None = Field(description="Strength of that beat, 0–1.")
    error_ms: float | None = Field(description="Predicted distance of the cut from its beat.")
    ratio: float = Field(description="New length of the shot that starts here, divided by its own length.")

    @classmethod
    def of(cls, cut: Cut) -> Self:
        return cls.model_validate(asdict(cut))


class ShotAnswer(BaseModel):
    """The retimed video between two cuts. `starts_s` and `lasts_s` are times in the result."""

    number: int
    first_frame: int
    frames: int
    starts_s: float
    lasts_s: float
    ratio: float = Field(description="New length divided by its own length; over 1 is slower.")

    @classmethod
    def of(cls, shot: RetimedShot) -> Self:
        return cls.model_validate(asdict(shot))


class PredictedError(BaseModel):
    """Predicted distance of the cuts from their beats. Null if no cut was requested."""

    worst_ms: float | None
    mean_ms: float | None


class PlanAnswer(BaseModel):
    """The result is as long as the video, to the frame."""

    frames: int
    fps: float
    duration_s: float
    timing: FrameTiming = Field(
        description="cfr: cuts at the nearest frame, re-encoded; vfr: exact times, copied without encoding."
    )
    offset_s: float = Field(description="Time in the track where the video starts.")
    cut_list: list[CutAnswer]
    shots: list[ShotAnswer]
    predicted_error: PredictedError
    warnings: list[str]


def plan_answer_fields(plan: CutPlan, warnings: tuple[str, ...] | None = None) -> dict[str, object]:
    """The fields of PlanAnswer for `plan`."""
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
