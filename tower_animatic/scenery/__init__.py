"""The scenery: one module per mood, each with a function that paints a stage."""

from __future__ import annotations

from collections.abc import Callable

from tower_animatic.layers import PaintedScene
from tower_animatic.scenery import (
    battlefield,
    cave,
    city,
    coast,
    desert,
    forest,
    interior,
    meadow,
    moon,
    plain,
    red_planet,
    shrine,
    sky,
    snowfield,
    underwater,
    village,
)
from tower_animatic.setting_parts import Mood
from tower_animatic.stage import Stage

PAINTERS: dict[Mood, Callable[[Stage], PaintedScene]] = {
    Mood.CITY: city.paint,
    Mood.FOREST: forest.paint,
    Mood.INTERIOR: interior.paint,
    Mood.SKY: sky.paint,
    Mood.COAST: coast.paint,
    Mood.SHRINE: shrine.paint,
    Mood.PLAIN: plain.paint,
    Mood.SPACE: moon.paint,
    Mood.PLANET: red_planet.paint,
    Mood.DESERT: desert.paint,
    Mood.UNDERWATER: underwater.paint,
    Mood.SNOWFIELD: snowfield.paint,
    Mood.MEADOW: meadow.paint,
    Mood.VILLAGE: village.paint,
    Mood.CAVE: cave.paint,
    Mood.BATTLEFIELD: battlefield.paint,
}
