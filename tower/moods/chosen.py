"""The choices of a mood for a generation, as kept in the steps of its job."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from tower.jobs.steps import Step
from tower.moods.music import Tempo, TrackChoice
from tower.moods.pictures import Source


@dataclass(frozen=True)
class Chosen:
    """One choice, its source, and the reason in one sentence."""

    value: str
    source: Source
    why: str


@dataclass(frozen=True)
class MoodChoice:
    """All choices of a personal generation.

    `camera` is a type of scene, which frames and moves the camera. `words` go into the prompt. `track_reason`: why this
    track was chosen, or why there is none.
    """

    mood: Chosen
    style: Chosen
    camera: Chosen
    words: str
    tempo: Tempo
    track: TrackChoice | None
    track_reason: str


CHOSEN_MOOD = Step("mood", TypeAdapter(MoodChoice))
