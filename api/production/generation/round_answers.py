"""What is answered of a generation whose quality is mended in rounds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from api.production.generation.bodies import ShotStatus
from db.models.jobs import JobType, ProductionJob
from tower.quality.rounds import Round, kept_round, rounds_of


class QualityRound(BaseModel):
    """A render and its verdict."""

    round: int = Field(description="1, 2, 3.")
    passed: bool
    score: float = Field(ge=0, le=10, description="Below 5 exactly where it did not pass.")
    reason: str | None = Field(
        description="Of the rejection: metric, value, threshold and frames.",
        examples=["black_share: 48 of 48 frames (frames 0–47) are black; at most 12 allowed."],
    )
    failed: list[str] = Field(description="The metrics that failed.", examples=[["black_share", "black_run"]])
    changed: str | None = Field(
        description="What was made otherwise than asked; null in the first round.",
        examples=["seed 1650906866 instead of 7"],
    )
    asset_id: int | None = Field(description="The take; null where the engine made none of the form that was asked.")
    kept: bool = Field(description="It is the one that the generation goes on with.")

    @classmethod
    def of(cls, ended: Round, *, kept: bool) -> Self:
        fields = asdict(ended)
        return cls(
            round=fields.pop("number"), kept=kept, **{name: fields[name] for name in cls.model_fields if name in fields}
        )


class IntegratedGenerationStatus(ShotStatus):
    """A generation that is rendered again, otherwise, while its quality is not good enough."""

    job_type: Literal[JobType.INTEGRATED]
    rounds: list[QualityRound] = Field(description="Those that are over.")

    @classmethod
    def more(cls, job: ProductionJob) -> dict[str, Any]:
        kept = kept_round(job)
        return {"rounds": [QualityRound.of(ended, kept=ended.number == kept) for ended in rounds_of(job)]}
