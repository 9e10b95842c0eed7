"""Choices of a mood as jobs store them."""

from __future__ import annotations

from tower.moods.chosen import ExplainedChoice, MoodChoices
from tower.moods.music import TempoRange
from tower.moods.pictures import ChoiceSource


def build_choice(mood: str) -> MoodChoices:
    """A choice with a requested mood and default values."""
    asked = ExplainedChoice(mood, ChoiceSource.REQUEST, "")
    return MoodChoices(asked, asked, asked, "", TempoRange(None, None, ChoiceSource.MOOD), None, "")
