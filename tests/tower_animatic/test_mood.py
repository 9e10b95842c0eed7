"""The place, hour, weather and people that the words of a prompt name."""

from __future__ import annotations

import pytest

from tower_animatic.mood import read_setting
from tower_animatic.words import Drift, Hour, Mood, Weather


@pytest.mark.parametrize(
    ("prompt", "mood"),
    [
        ("cyberpunk detective walking in neon city", Mood.CITY),
        ("雨の東京、ネオンの街", Mood.CITY),
        ("a deer in an old forest", Mood.FOREST),
        ("竹林の朝", Mood.FOREST),
        ("she reads in her bedroom by the window", Mood.INTERIOR),
        ("放課後の教室", Mood.INTERIOR),
        ("a dragon over the mountains", Mood.SKY),
        ("富士山と雲", Mood.SKY),
        ("a boat leaves the harbor", Mood.COAST),
        ("夏の海辺", Mood.COAST),
        ("samurai under a torii", Mood.SHRINE),
        ("神社の鳥居と桜", Mood.SHRINE),
    ],
)
def test_words_choose_the_mood(prompt: str, mood: Mood) -> None:
    assert {read_setting(prompt, seed).mood for seed in range(5)} == {mood}


@pytest.mark.parametrize(
    ("prompt", "hour", "weather"),
    [
        ("city at sunset", Hour.SUNSET, Weather.CLEAR),
        ("forest at night in the rain", Hour.NIGHT, Weather.RAIN),
        ("snowy village at dawn", Hour.DAWN, Weather.SNOW),
        ("storm over the sea at noon", Hour.DAY, Weather.STORM),
        ("霧の夜の森", Hour.NIGHT, Weather.FOG),
        ("夕焼けの海", Hour.SUNSET, Weather.CLEAR),
    ],
)
def test_words_choose_hour_and_weather(prompt: str, hour: Hour, weather: Weather) -> None:
    setting = read_setting(prompt, 1)
    assert (setting.hour, setting.weather) == (hour, weather)


def test_petals_and_fireflies_appear_only_where_they_are_named() -> None:
    assert read_setting("sea with cherry petals", 1).drift is Drift.PETALS
    assert read_setting("forest at night", 1).drift is Drift.FIREFLIES


def test_an_unknown_prompt_gets_a_mood_by_its_seed() -> None:
    moods = [read_setting("xyzzy", seed).mood for seed in range(60)]
    assert set(moods) == set(Mood)
    assert moods == [read_setting("xyzzy", seed).mood for seed in range(60)]


def test_words_inside_other_words_are_ignored() -> None:
    assert read_setting("a catwalk of cityscapes", 3).walking is False


def test_people_and_walking_are_recognised() -> None:
    setting = read_setting("cyberpunk detective walking in neon city", 1)
    assert (setting.figure, setting.walking) == ("detective", True)
    assert read_setting("an empty city", 1).figure is None
    assert read_setting("侍が歩く", 1).figure == "samurai"
