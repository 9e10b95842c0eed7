"""The place, hour, weather and people that the words of a prompt name."""

from __future__ import annotations

import pytest

from tower_animatic.mood import read_setting
from tower_animatic.setting_parts import Drift, Hour, Mood, Weather


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
        ("robot battle on Mars", Mood.PLANET),
        ("火星の都市", Mood.PLANET),
        ("a city in space", Mood.SPACE),
        ("宇宙の旅", Mood.SPACE),
        ("underwater city", Mood.UNDERWATER),
        ("海底の遺跡", Mood.UNDERWATER),
        ("a fox in the snow", Mood.SNOWFIELD),
        ("雪山の狐", Mood.SNOWFIELD),
        ("a caravan in the desert", Mood.DESERT),
        ("砂漠の夜", Mood.DESERT),
        ("a dog in a meadow", Mood.MEADOW),
        ("草原の風", Mood.MEADOW),
        ("a quiet village", Mood.VILLAGE),
        ("田舎の夏", Mood.VILLAGE),
        ("treasure in a cave", Mood.CAVE),
        ("洞窟の奥", Mood.CAVE),
        ("two samurai on a battlefield", Mood.BATTLEFIELD),
        ("古戦場", Mood.BATTLEFIELD),
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


@pytest.mark.parametrize(
    "words",
    [
        "a red coat",
        "a blue coat",
        "xyzzy",
        "a samurai in a kimono",
        "golden hair, bright eyes, a summer dress",
        "she waves her hand",
        "kissing, epic, legend",
        "a fox, a deer and a dragon",
        "close-up, shallow depth of field, towering clouds, neon glow, bird's-eye view",
        "画家と作家の家族、アニメ風",
        "山田と森田の空手",
        "空港、三月",
    ],
)
def test_words_that_name_no_place_hour_or_weather_change_none_of_them(words: str) -> None:
    """Even a stage that nothing names looks the same: it depends on no word of the prompt."""
    for place in ("", "in a forest, ", "in a room, "):
        for seed in range(4):
            plain, extended = read_setting(place, seed), read_setting(place + words, seed)
            assert (extended.mood, extended.hour, extended.weather, extended.drift, extended.left_out) == (
                plain.mood,
                plain.hour,
                plain.weather,
                plain.drift,
                (),
            )


def test_a_prompt_without_a_place_gets_the_plain_stage_for_every_seed() -> None:
    assert {read_setting("a girl in a red coat", seed).mood for seed in range(20)} == {Mood.PLAIN}


def test_the_seed_decides_an_hour_that_the_prompt_leaves_open() -> None:
    assert {read_setting("a forest", seed).hour for seed in range(20)} == {Hour.DAY, Hour.DAWN}


def test_weather_and_hour_count_where_no_place_is_named() -> None:
    setting = read_setting("lovers in the rain at night", 1)
    assert (setting.mood, setting.hour, setting.weather) == (Mood.PLAIN, Hour.NIGHT, Weather.RAIN)


def test_longer_words_hide_those_inside_them() -> None:
    assert read_setting("東京都の朝", 1).mood is Mood.CITY
    assert read_setting("a bay window in a room", 1).left_out == ()


@pytest.mark.parametrize("prompt", ["a city without rain", "no rain in the city", "雨のない街"])
def test_what_a_prompt_denies_is_not_drawn(prompt: str) -> None:
    assert read_setting(prompt, 1).weather is Weather.CLEAR


def test_other_places_of_a_prompt_are_kept() -> None:
    setting = read_setting("underwater city", 1)
    assert (setting.mood, setting.left_out) == (Mood.UNDERWATER, (Mood.CITY,))


def test_words_inside_other_words_are_ignored() -> None:
    assert read_setting("a catwalk of cityscapes", 3).beings.are_walking is False
