"""The scenery: one module per mood, each with `paint(stage) -> Scene`."""

from __future__ import annotations

from collections.abc import Callable

from tower_animatic.layers import PaintedScene
from tower_animatic.scenery import city, coast, forest, interior, shrine, sky
from tower_animatic.stage import Stage
from tower_animatic.words import Mood

PAINTERS: dict[Mood, Callable[[Stage], PaintedScene]] = {
    Mood.CITY: city.paint,
    Mood.FOREST: forest.paint,
    Mood.INTERIOR: interior.paint,
    Mood.SKY: sky.paint,
    Mood.COAST: coast.paint,
    Mood.SHRINE: shrine.paint,
}
