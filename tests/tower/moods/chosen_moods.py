"""Choices of a mood, as jobs remember them."""

from __future__ import annotations

from tower.moods.chosen import Chosen, MoodChoice
from tower.moods.music import Tempo
from tower.moods.pictures import Source


def a_choice(mood: str) -> MoodChoice:
    """A mood that was asked for, and nothing else that is remarkable."""
    asked = Chosen(mood, Source.REQUEST, "")
    return MoodChoice(asked, asked, asked, "", Tempo(None, None, Source.MOOD), None, "")
