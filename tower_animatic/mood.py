"""Reads the place, hour, weather and people of a prompt from its words."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TypeVar

from tower_animatic.words import (
    DRIFT_WORDS,
    FIGURE_WORDS,
    HOUR_WORDS,
    MOOD_WORDS,
    WALKING_WORDS,
    WEATHER_WORDS,
    Drift,
    Hour,
    Mood,
    Weather,
)


@dataclass(frozen=True)
class Setting:
    mood: Mood
    hour: Hour
    weather: Weather
    drift: Drift
    figure: str | None
    """The kind of person that the words name ("detective"), or None."""
    walking: bool


_T = TypeVar("_T")
_ENGLISH = re.compile(r"[a-zé]+")
_DEFAULT_HOUR = {Mood.CITY: Hour.NIGHT, Mood.SHRINE: Hour.DAWN, Mood.COAST: Hour.DAY, Mood.SKY: Hour.DAY}
_SEEDED_HOURS = {Mood.FOREST: (Hour.DAY, Hour.DAWN), Mood.INTERIOR: (Hour.SUNSET, Hour.DAY)}


def read_setting(prompt: str, seed: int) -> Setting:
    """The setting that a prompt describes. The seed decides what the prompt leaves open."""
    draw = zlib.crc32(f"{seed}:{prompt}".encode())
    mood = _most_named(MOOD_WORDS, prompt) or list(Mood)[draw % len(Mood)]
    weather = _first_named(WEATHER_WORDS, prompt) or Weather.CLEAR
    hours = _SEEDED_HOURS.get(mood) or (_DEFAULT_HOUR[mood],)
    hour = _first_named(HOUR_WORDS, prompt) or hours[(draw >> 8) % len(hours)]
    return Setting(
        mood=mood,
        hour=hour,
        weather=weather,
        drift=_first_named(DRIFT_WORDS, prompt) or _usual_drift(mood, hour, weather),
        figure=_first_named(FIGURE_WORDS, prompt),
        walking=_count(WALKING_WORDS, prompt) > 0,
    )


def kind_of_figure(text: str) -> str | None:
    """The kind of person that a description names, or None."""
    return _first_named(FIGURE_WORDS, text)


def _usual_drift(mood: Mood, hour: Hour, weather: Weather) -> Drift:
    if weather in (Weather.RAIN, Weather.SNOW, Weather.STORM):
        return Drift.NOTHING
    if mood is Mood.FOREST:
        return Drift.FIREFLIES if hour is Hour.NIGHT else Drift.DUST
    return {Mood.INTERIOR: Drift.DUST, Mood.SHRINE: Drift.PETALS}.get(mood, Drift.NOTHING)


def _most_named(table: dict[_T, str], prompt: str) -> _T | None:
    """The entry with the most words in the prompt; the earlier entry wins a tie. None without any word."""
    counts = {entry: _count(words, prompt) for entry, words in table.items()}
    best = max(counts, key=lambda entry: counts[entry])
    return best if counts[best] else None


def _first_named(table: dict[_T, str], prompt: str) -> _T | None:
    return next((entry for entry, words in table.items() if _count(words, prompt)), None)


def _count(words: str, prompt: str) -> int:
    """How many of the words are in the prompt: English ones as whole words, Japanese ones anywhere."""
    text = prompt.lower()
    english = set(_ENGLISH.findall(text))
    return sum(word in english if word.isascii() or word == "café" else word in text for word in words.split())
