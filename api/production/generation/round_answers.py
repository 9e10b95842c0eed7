"""Answers of generations with quality rounds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from api.production.generation.bodies import ShotStatus
from db.models.jobs import JobType, ProductionJob
from tower.quality.rounds import RoundResult, completed_rounds, kept_round_number


class QualityRound(BaseModel):
    """One round: a render and its verdict."""

    round: int = Field(description="Counts from 1.")
    passed: bool
    score: float = Field(ge=0, le=10, description="Technical faults of the clip: 10 is none, below 5 is a rejection.")
    reason: str | None = Field(
        description="Why it was rejected: metric, value, threshold and frames.",
        examples=["black_share: 48 of 48 frames (frames 0–47) are black; at most 12 allowed."],
    )
    failed: list[str] = Field(description="The metrics that failed.", examples=[["black_share", "black_run"]])
    changed: str | None = Field(
        description="What differs from the request; null in the first round.",
        examples=["seed 1650906866 instead of 7"],
    )
    asset_id: int | None = Field(description="The take; null if the engine made none in the requested form.")
    kept: bool = Field(description="The generation continues with this round.")

    @classmethod
    def of(cls, ended: RoundResult, *, kept: bool) -> Self:
        fields = asdict(ended)
        return cls(
            round=fields.pop("number"), kept=kept, **{name: fields[name] for name in cls.model_fields if name in fields}
        )


class IntegratedGenerationStatus(ShotStatus):
    """A generation that is rendered again with changes until it passes quality control."""

    job_type: Literal[JobType.INTEGRATED]
    rounds: list[QualityRound] = Field(description="The finished rounds.")

    @classmethod
    def extra_fields(cls, job: ProductionJob) -> dict[str, Any]:
        kept = kept_round_number(job)
        return {"rounds": [QualityRound.of(ended, kept=ended.number == kept) for ended in completed_rounds(job)]}
