"""A mood's choices for a generation, as its job remembers them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from tower.jobs.steps import Step
from tower.moods.music import Tempo, TrackChoice
from tower.moods.pictures import Source


@dataclass(frozen=True)
class Chosen:
    """One choice, where it is from, and why in one sentence."""

    value: str
    source: Source
    why: str


@dataclass(frozen=True)
class MoodChoice:
    """`camera` is a type of scene: it frames and moves the camera. `words` go into the prompt. `track_reason`: why this
    track, or why none."""

    mood: Chosen
    style: Chosen
    camera: Chosen
    words: str
    tempo: Tempo
    track: TrackChoice | None
    track_reason: str


CHOSEN_MOOD = Step("mood", TypeAdapter(MoodChoice))
