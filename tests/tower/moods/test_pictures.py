"""What a mood asks of a picture."""

from __future__ import annotations

import re

import pytest

from tower.jobs.spec import SceneType
from tower.library.moods import MOOD_NAMES
from tower.moods.pictures import DEFAULT_MOODS, MOOD_LOOKS, find_mood_in, get_look
from tower_animatic import words as animatic

STEERING = (animatic.MOOD_WORDS, animatic.HOUR_WORDS, animatic.WEATHER_WORDS, animatic.DRIFT_WORDS)


def test_every_mood_that_music_knows_has_a_look() -> None:
    assert set(MOOD_NAMES) == set(MOOD_LOOKS)
    assert set(DEFAULT_MOODS) == set(SceneType)
    assert set(DEFAULT_MOODS.values()) <= set(MOOD_LOOKS)


@pytest.mark.parametrize("mood", MOOD_NAMES)
def test_its_words_name_no_place_hour_or_weather(mood: str) -> None:
    """Those are the user's: the animatic engine would draw them."""
    taken = {word for table in STEERING for words in table.values() for word in words.split()}
    assert set(re.findall("[a-z]+", get_look(mood).words)) & taken == set()


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("a melancholic evening", ("sad", "melancholic")),
        ("A Heroic, MAJESTIC battle", ("epic", "heroic")),
        ("切ない夕暮れ", ("sad", "切ない")),
        ("a bowl of rice", None),
        ("sadness", None),
    ],
)
def test_the_prompt_may_name_it(prompt: str, wanted: tuple[str, str] | None) -> None:
    found = find_mood_in(prompt)
    assert (found and (found[0].name, found[1])) == wanted


def test_a_mood_that_only_the_user_knows_is_a_word_of_the_prompt() -> None:
    assert get_look("rainy sunday").words == "rainy sunday mood"
