"""The choices of a mood for a generation, as kept in the steps of its job."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from tower.jobs.steps import StepResult
from tower.moods.music import TempoRange, TrackChoice
from tower.moods.pictures import ChoiceSource


@dataclass(frozen=True)
class ExplainedChoice:
    """One choice, its source, and the reason in one sentence."""

    value: str
    source: ChoiceSource
    why: str


@dataclass(frozen=True)
class MoodChoices:
    """All choices of a personal generation.

    `camera` is a type of scene, which frames and moves the camera. `words` go into the prompt. `track_reason`: why this
    track was chosen, or why there is none.
    """

    mood: ExplainedChoice
    style: ExplainedChoice
    camera: ExplainedChoice
    words: str
    tempo: TempoRange
    track: TrackChoice | None
    track_reason: str


MOOD_CHOICES = StepResult("mood", TypeAdapter(MoodChoices))
