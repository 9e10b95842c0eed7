"""The people, creatures and actions that the words of a prompt name."""

from __future__ import annotations

import pytest

from tower_animatic.mood import read_setting


@pytest.mark.parametrize(
    ("prompt", "people"),
    [
        ("cyberpunk detective walking in neon city", ("detective",)),
        ("an empty city", ()),
        ("侍が歩く", ("samurai",)),
        ("lovers in the rain at night", ("girl", "boy")),
        ("雨の中の恋人たち", ("girl", "boy")),
        ("a boy and his sister", ("girl", "boy")),
        ("a woman detective", ("detective",)),
        ("three girls", ("girl", "girl", "girl")),
        ("she waits", ("girl",)),
        ("an astronaut", ("figure",)),
        ("samurai battle", ("samurai", "samurai")),
        ("人形", ()),
    ],
)
def test_words_name_the_people(prompt: str, people: tuple[str, ...]) -> None:
    assert read_setting(prompt, 1).beings.people == people


@pytest.mark.parametrize(
    ("prompt", "creatures"),
    [
        ("a fox in the snow", ("fox",)),
        ("雪の中の狐", ("fox",)),
        ("robot battle on Mars", ("robot", "robot")),
        ("two cats and a dog", ("cat", "cat", "dog")),
        ("a girl with cat ears and a dragon tattoo", ()),
        ("神社の鳥居", ()),
        ("bird's-eye view", ()),
    ],
)
def test_words_name_the_creatures(prompt: str, creatures: tuple[str, ...]) -> None:
    assert read_setting(prompt, 1).beings.creatures == creatures


def test_walking_is_recognised() -> None:
    assert read_setting("she walks home", 1).beings.are_walking
    assert not read_setting("she waits", 1).beings.are_walking


def test_what_is_recognised_and_not_drawn_is_named() -> None:
    assert read_setting("lovers kissing in a car", 1).beings.undrawn == ("kissing", "a car")
    assert read_setting("a knight on a horse", 1).beings.undrawn == ("the looks of a knight", "a horse")
