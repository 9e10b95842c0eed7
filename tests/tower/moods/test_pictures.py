"""The look that a mood gives a picture."""

from __future__ import annotations

import re

import pytest

from tower.jobs.spec import SceneType
from tower.library.moods import MOOD_NAMES
from tower.moods.pictures import DEFAULT_MOODS, MOOD_LOOKS, find_mood_in, get_look
from tower_animatic import words as animatic

STEERING = (animatic.MOOD_WORDS, animatic.HOUR_WORDS, animatic.WEATHER_WORDS, animatic.DRIFT_WORDS)


def test_every_mood_of_the_music_has_a_look() -> None:
    assert set(MOOD_NAMES) == set(MOOD_LOOKS)
    assert set(DEFAULT_MOODS) == set(SceneType)
    assert set(DEFAULT_MOODS.values()) <= set(MOOD_LOOKS)


@pytest.mark.parametrize("mood", MOOD_NAMES)
def test_its_words_name_no_place_hour_or_weather(mood: str) -> None:
    """Those belong to the user's prompt, and the animatic engine would draw them."""
    steering_words = {word for table in STEERING for words in table.values() for word in words.split()}
    assert set(re.findall("[a-z]+", get_look(mood).words)) & steering_words == set()


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a melancholic evening", ("sad", "melancholic")),
        ("A Heroic, MAJESTIC battle", ("epic", "heroic")),
        ("切ない夕暮れ", ("sad", "切ない")),
        ("a bowl of rice", None),
        ("sadness", None),
    ],
)
def test_the_prompt_may_name_a_mood(prompt: str, expected: tuple[str, str] | None) -> None:
    mood = find_mood_in(prompt)
    assert (mood and (mood[0].name, mood[1])) == expected


def test_a_mood_known_only_to_the_user_is_added_to_the_prompt() -> None:
    assert get_look("rainy sunday").words == "rainy sunday mood"
