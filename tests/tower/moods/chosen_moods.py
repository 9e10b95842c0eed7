"""Choices of a mood as jobs store them."""

from __future__ import annotations

from tower.moods.chosen import Chosen, MoodChoice
from tower.moods.music import Tempo
from tower.moods.pictures import Source


def a_choice(mood: str) -> MoodChoice:
    """A choice with a requested mood and default values."""
    asked = Chosen(mood, Source.REQUEST, "")
    return MoodChoice(asked, asked, asked, "", Tempo(None, None, Source.MOOD), None, "")
