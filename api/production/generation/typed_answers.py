"""What professional and personal generations are answered with, beside what all generations are."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from api.production.generation.bodies import GenerationStarted, ShotStatus
from db.models.jobs import JobType, ProductionJob
from tower.moods.chosen import CHOSEN_MOOD, MoodChoice
from tower.quality.verdict import CHARACTER_CONSISTENCY

MOOD_CHOICE = Field(description="What the mood chose, from where, and why; null until then.")


class CharacterConsistency(BaseModel):
    """How like its reference image a character came out; of several the least like. Below 5 it did not pass."""

    score: float | None = Field(ge=0, le=10)
    passed: bool | None
    reason: str | None = Field(description="Why it did not pass, or could not be measured.")
    frames: list[list[int]] = Field(description="Of the sampled frames those that are unlike: first and last, from 0.")

    @classmethod
    def of(cls, job: ProductionJob) -> Self | None:
        measured = () if job.metrics is None else job.metrics.metrics
        found = next((metric for metric in measured if metric["name"] == CHARACTER_CONSISTENCY), None)
        if found is None:
            return None
        return cls(score=found["value"], passed=found["passed"], reason=found["reason"], frames=found["frames"])


class ProfessionalGenerationStatus(ShotStatus):
    """A generation of a character, held against its reference image."""

    job_type: Literal[JobType.PROFESSIONAL]
    character_consistency: CharacterConsistency | None = Field(description="Null until it is measured.")

    @classmethod
    def more(cls, job: ProductionJob) -> dict[str, Any]:
        return {"character_consistency": CharacterConsistency.of(job)}


class PersonalGenerationStatus(ShotStatus):
    """A generation in a mood."""

    job_type: Literal[JobType.PERSONAL]
    mood_choice: MoodChoice | None = MOOD_CHOICE

    @classmethod
    def more(cls, job: ProductionJob) -> dict[str, Any]:
        return {"mood_choice": CHOSEN_MOOD.get(job)}


class PersonalGenerationStarted(GenerationStarted):
    """A generation in a mood: what it chose is settled now."""

    mood_choice: MoodChoice | None = MOOD_CHOICE

    @classmethod
    def of(cls, job: ProductionJob, *, estimate_s: float | None) -> Self:
        plain = GenerationStarted.of(job, estimate_s=estimate_s)
        return cls(**plain.model_dump(), mood_choice=CHOSEN_MOOD.get(job))
