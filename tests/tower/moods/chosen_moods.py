"""Mood choices as jobs store them."""

from __future__ import annotations

from tower.moods.chosen import ExplainedChoice, MoodChoices
from tower.moods.music import TempoRange
from tower.moods.pictures import ChoiceSource


def build_choice(mood: str) -> MoodChoices:
    """A choice with a requested mood and default values."""
    requested_mood = ExplainedChoice(mood, ChoiceSource.REQUEST, "")
    return MoodChoices(
        requested_mood, requested_mood, requested_mood, "", TempoRange(None, None, ChoiceSource.MOOD), None, ""
    )
