"""Reads the place, hour and weather of a prompt from its words."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from tower_animatic import beings
from tower_animatic.people import Beings, read_beings
from tower_animatic.phrases import Phrase, Vocabulary, names_any
from tower_animatic.setting_parts import WORLDS, Drift, Hour, Mood, Weather
from tower_animatic.words import DRIFT_WORDS, HINT_WORDS, HOUR_WORDS, MOOD_WORDS, OTHER_MEANINGS, WEATHER_WORDS


@dataclass(frozen=True)
class Setting:
    mood: Mood
    hour: Hour
    weather: Weather
    drift: Drift
    beings: Beings
    left_out: tuple[Mood, ...] = ()
    """Other places that the prompt names."""

    @property
    def is_sheltered(self) -> bool:
        """Whether no rain and no snow falls here."""
        return self.mood in SHELTERED


SHELTERED = (Mood.INTERIOR, Mood.CAVE, *WORLDS)

_T = TypeVar("_T")
_DEFAULT_HOUR = {Mood.CITY: Hour.NIGHT, Mood.SHRINE: Hour.DAWN, Mood.BATTLEFIELD: Hour.SUNSET, Mood.SPACE: Hour.NIGHT}
_SEEDED_HOURS = {Mood.FOREST: (Hour.DAY, Hour.DAWN), Mood.INTERIOR: (Hour.SUNSET, Hour.DAY)}
_USUAL_DRIFT = {Mood.INTERIOR: Drift.DUST, Mood.SHRINE: Drift.PETALS, Mood.BATTLEFIELD: Drift.EMBERS}
_VOCABULARY = Vocabulary(
    [
        *(words for table in (MOOD_WORDS, HINT_WORDS) for words in table.values()),
        *HOUR_WORDS.values(),
        *WEATHER_WORDS.values(),
        *DRIFT_WORDS.values(),
        *beings.OUTFIT_WORDS.values(),
        *beings.PERSON_WORDS.values(),
        *beings.PRONOUNS.values(),
        *beings.CREATURE_WORDS.values(),
        *beings.PEOPLE_IN_A_COAT.values(),
        *beings.UNDRAWN_WORDS.values(),
        *beings.NUMBER_WORDS.values(),
        beings.ANYONE_WORDS,
        beings.PAIR_WORDS,
        beings.FIGHT_WORDS,
        beings.WALKING_WORDS,
        OTHER_MEANINGS,
    ]
)


def read_setting(prompt: str, seed: int) -> Setting:
    """The setting that a prompt describes. The seed alone decides what the prompt leaves open."""
    phrases = _VOCABULARY.find_phrases(prompt)
    places = _places(phrases)
    mood = places[0] if places else Mood.PLAIN
    weather = _first_named(WEATHER_WORDS, phrases) or Weather.CLEAR
    hours = _SEEDED_HOURS.get(mood) or (_DEFAULT_HOUR.get(mood, Hour.DAY),)
    hour = _first_named(HOUR_WORDS, phrases) or hours[(zlib.crc32(str(seed).encode()) >> 8) % len(hours)]
    return Setting(
        mood=mood,
        hour=hour,
        weather=weather,
        drift=_first_named(DRIFT_WORDS, phrases) or _usual_drift(mood, hour, weather),
        beings=read_beings(phrases),
        left_out=tuple(places[1:]),
    )


def read_looks(description: str) -> Beings:
    """The people and creatures that a description names."""
    return read_beings(_VOCABULARY.find_phrases(description))


def _places(phrases: Sequence[Phrase]) -> list[Mood]:
    """The places of a prompt, the one to draw first: a world, or the place that is named most."""
    named = _count_named(MOOD_WORDS, phrases)
    if not named:
        return list(_count_named(HINT_WORDS, phrases))[:1]
    return sorted(named, key=lambda mood: (mood not in WORLDS, -named[mood]))


def _usual_drift(mood: Mood, hour: Hour, weather: Weather) -> Drift:
    if weather in (Weather.RAIN, Weather.SNOW, Weather.STORM) and mood not in SHELTERED:
        return Drift.NOTHING
    if mood is Mood.FOREST:
        return Drift.FIREFLIES if hour is Hour.NIGHT else Drift.DUST
    return _USUAL_DRIFT.get(mood, Drift.NOTHING)


def _count_named(table: dict[_T, str], phrases: Sequence[Phrase]) -> dict[_T, int]:
    """How many phrases each entry of a table has in a prompt, without those that have none."""
    counts = {entry: sum(phrase.text in words.split() for phrase in phrases) for entry, words in table.items()}
    return {entry: count for entry, count in counts.items() if count}


def _first_named(table: dict[_T, str], phrases: Sequence[Phrase]) -> _T | None:
    return next((entry for entry, words in table.items() if names_any(words, phrases)), None)
