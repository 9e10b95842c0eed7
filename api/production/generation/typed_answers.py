"""Answers of professional and personal generations."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from api.production.generation.bodies import GenerationStarted, ShotStatus
from db.models.jobs import JobType, ProductionJob
from tower.moods.chosen import MOOD_CHOICES, MoodChoices
from tower.quality.verdict import CHARACTER_CONSISTENCY
from tower.rendering.forecast import Forecast

MOOD_CHOICE = Field(description="The choice for the mood, its source and its reason; null until it is made.")


class CharacterConsistency(BaseModel):
    """Similarity of a character to its reference image, the lowest of several. A score below 5 does not pass."""

    score: float | None = Field(ge=0, le=10)
    passed: bool | None
    reason: str | None = Field(description="Why it did not pass or could not be measured.")
    frames: list[list[int]] = Field(
        description="Ranges of sampled frames that do not match: first and last frame, from 0."
    )

    @classmethod
    def of(cls, job: ProductionJob) -> Self | None:
        measured = () if job.metrics is None else job.metrics.metrics
        found = next((metric for metric in measured if metric["name"] == CHARACTER_CONSISTENCY), None)
        if found is None:
            return None
        return cls(score=found["value"], passed=found["passed"], reason=found["reason"], frames=found["frames"])


class ProfessionalGenerationStatus(ShotStatus):
    """A generation of a character, compared with its reference image."""

    job_type: Literal[JobType.PROFESSIONAL]
    character_consistency: CharacterConsistency | None = Field(description="Null until it is measured.")

    @classmethod
    def extra_fields(cls, job: ProductionJob) -> dict[str, Any]:
        return {"character_consistency": CharacterConsistency.of(job)}


class PersonalGenerationStatus(ShotStatus):
    """A generation in a mood."""

    job_type: Literal[JobType.PERSONAL]
    mood_choice: MoodChoices | None = MOOD_CHOICE

    @classmethod
    def extra_fields(cls, job: ProductionJob) -> dict[str, Any]:
        return {"mood_choice": MOOD_CHOICES.read(job)}


class PersonalGenerationStarted(GenerationStarted):
    """A stored generation in a mood, with the choice for the mood."""

    mood_choice: MoodChoices | None = MOOD_CHOICE

    @classmethod
    def of(cls, job: ProductionJob, *, forecast: Forecast) -> Self:
        plain = GenerationStarted.of(job, forecast=forecast)
        return cls(**plain.model_dump(), mood_choice=MOOD_CHOICES.read(job))
