"""Settlements under glass, on a moon or another planet."""

from __future__ import annotations

import numpy as np

from tower_animatic.layers import Element, Layer
from tower_animatic.paint import (
    disc,
    mix_colours,
    opaque,
    parse_colour,
    polygon,
    stroke,
)
from tower_animatic.setting_parts import Mood, Weather
from tower_animatic.stage import Canvas, Stage


def paint_domes(stage: Stage, foot: float, side: int) -> list[Element]:
    """A settlement under glass, where the prompt names a town or a house there."""
    if not {Mood.CITY, Mood.VILLAGE, Mood.INTERIOR} & set(stage.setting.left_out):
        return []
    canvas = Canvas(stage, depth=0.55)
    angle = np.linspace(np.pi, 2 * np.pi, 28)
    glass = mix_colours(stage.palette.haze, (250, 240, 225), 0.45)
    for x, r in ((-0.30, 0.10), (-0.16, 0.06), (0.02, 0.13), (0.22, 0.08), (0.36, 0.05)):
        place = (0.5 + x * side, foot)
        dome = np.stack([np.cos(angle), np.sin(angle)], 1) * r
        polygon(canvas.image, canvas.shape(*place, dome), opaque(mix_colours(glass, stage.palette.shade, 0.35)))
        for k in (-0.6, -0.25, 0.1, 0.45):
            height = r * (0.75 - 0.5 * abs(k))
            tower = [(k * r, 0), (k * r, -height), ((k + 0.24) * r, -height), ((k + 0.24) * r, 0)]
            polygon(canvas.image, canvas.shape(*place, tower), opaque(mix_colours(glass, stage.palette.ink, 0.6)))
            lamp = canvas.shape(*place, [((k + 0.12) * r, -0.6 * height)])[0]
            disc(canvas.image, lamp, 0.004 * canvas.unit, opaque(parse_colour("ffd890")))
        stroke(canvas.image, canvas.shape(*place, dome), opaque(glass), round(0.004 * canvas.unit))
    if stage.setting.weather is Weather.FOG:
        canvas.add_mist(foot - 0.2, foot, 0.5)
    return [Layer(canvas)]
