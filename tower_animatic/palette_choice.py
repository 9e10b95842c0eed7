"""Chooses the palette of a setting by place, hour and weather."""

from __future__ import annotations

from dataclasses import replace

from tower_animatic.mood import Setting
from tower_animatic.paint import Colour, brighten, mix_colours
from tower_animatic.palette import HOURS, PLACES, Palette
from tower_animatic.setting_parts import WORLDS, Hour, Mood, Weather


def choose_palette(setting: Setting) -> Palette:
    """The palette of a setting: chosen by place and hour, desaturated by the weather."""
    palette = PLACES.get((setting.mood, setting.hour), HOURS[setting.hour])
    if setting.mood in WORLDS:
        return palette
    if setting.weather in (Weather.RAIN, Weather.STORM):
        return _wash(palette, grey=0.30 if setting.weather is Weather.RAIN else 0.45, gain=_gain(setting))
    if setting.weather is Weather.SNOW:
        return replace(_wash(palette, grey=0.35, gain=1.04), haze=mix_colours(palette.haze, (250, 244, 238), 0.35))
    if setting.weather is Weather.FOG:
        return _wash(palette, grey=0.45, gain=1.0)
    return palette


def _gain(setting: Setting) -> float:
    """The brightness of the scene in rain and storm. A night is dark enough."""
    if setting.hour is Hour.NIGHT:
        return 1.0
    return 0.82 if setting.weather is Weather.RAIN else 0.62


def _wash(palette: Palette, *, grey: float, gain: float) -> Palette:
    neon = 0.3 if palette.sky == PLACES[(Mood.CITY, Hour.NIGHT)].sky else 1.0

    def wash(c: Colour) -> Colour:
        luma = 0.114 * c[0] + 0.587 * c[1] + 0.299 * c[2]
        return brighten(mix_colours(c, (luma * 1.06, luma, luma * 0.94), grey * neon), gain)

    return replace(
        palette,
        sky=tuple((at, wash(c)) for at, c in palette.sky),
        haze=wash(palette.haze),
        light=wash(palette.light),
        shade=wash(palette.shade),
        glow=mix_colours(wash(palette.glow), palette.glow, 0.4),
        cloud=(wash(palette.cloud[0]), wash(palette.cloud[1])),
    )
