"""The parts of a setting: place, hour, weather and what floats in the air."""

from __future__ import annotations

from enum import StrEnum


class Mood(StrEnum):
    """A place. Of two that a prompt names equally often, the earlier one is drawn."""

    UNDERWATER = "underwater"
    PLANET = "planet"
    SPACE = "space"
    CAVE = "cave"
    BATTLEFIELD = "battlefield"
    SNOWFIELD = "snowfield"
    DESERT = "desert"
    CITY = "city"
    FOREST = "forest"
    INTERIOR = "interior"
    VILLAGE = "village"
    SHRINE = "shrine"
    COAST = "coast"
    MEADOW = "meadow"
    SKY = "sky"
    PLAIN = "plain"
    """The stage of a prompt that names no place."""


class Hour(StrEnum):
    DAWN = "dawn"
    DAY = "day"
    SUNSET = "sunset"
    NIGHT = "night"


class Weather(StrEnum):
    CLEAR = "clear"
    RAIN = "rain"
    SNOW = "snow"
    STORM = "storm"
    FOG = "fog"


class Drift(StrEnum):
    """What floats in the air besides the weather."""

    NOTHING = "nothing"
    PETALS = "petals"
    LEAVES = "leaves"
    FIREFLIES = "fireflies"
    DUST = "dust"
    EMBERS = "embers"
    GUSTS = "gusts"


WORLDS = (Mood.UNDERWATER, Mood.PLANET, Mood.SPACE)
"""They contain other places: a city under water is drawn under water."""
