"""The colours of a setting: place, hour and weather."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tower_animatic.mood import Setting
from tower_animatic.paint import Colour, brighter, colour, lit, mix
from tower_animatic.words import Hour, Mood, Weather


@dataclass(frozen=True)
class Palette:
    sky: tuple[tuple[float, Colour], ...]
    """Gradient from the zenith (0) to the horizon (1)."""
    haze: Colour
    """The colour of the distance."""
    light: Colour
    """Direct light, a factor of surface colours."""
    shade: Colour
    """Light in the shadow, a factor of surface colours."""
    glow: Colour
    """Sun, moon or neon as it shines into the lens."""
    cloud: tuple[Colour, Colour]
    """Lit and shaded side of a cloud."""
    ink: Colour
    """The darkest colour of near objects."""

    def surface(self, local: Colour, depth: float, *, sunny: float = 0.0) -> Colour:
        """A surface of a local colour at a depth (0 far … 1 near), in shadow or (sunny = 1) in the light."""
        shaded = lit(local, mix(self.shade, self.light, sunny))
        return mix(self.haze, shaded, min(1.0, depth**0.75))


def _sky(*codes: str) -> tuple[tuple[float, Colour], ...]:
    return tuple((i / (len(codes) - 1), colour(code)) for i, code in enumerate(codes))


_HOURS = {
    Hour.DAY: Palette(
        sky=_sky("1257b0", "2c7fd6", "5fb2ee", "a9dcf8", "e6f6fb"),
        haze=colour("b9def2"),
        light=colour("fff8e6"),
        shade=colour("7d94c4"),
        glow=colour("fff3cf"),
        cloud=(colour("ffffff"), colour("8fb4e0")),
        ink=colour("14283c"),
    ),
    Hour.DAWN: Palette(
        sky=_sky("3f5fa8", "7f8fcb", "c7a9cf", "f7c4b4", "ffe7bd"),
        haze=colour("f3cfc4"),
        light=colour("ffe2c0"),
        shade=colour("77739f"),
        glow=colour("ffdba3"),
        cloud=(colour("ffeadb"), colour("9a8fc2")),
        ink=colour("2a2846"),
    ),
    Hour.SUNSET: Palette(
        sky=_sky("1f2560", "5b3a86", "b34c83", "f2745a", "ffbb5c"),
        haze=colour("f39a70"),
        light=colour("ffc27a"),
        shade=colour("6b5187"),
        glow=colour("ffc766"),
        cloud=(colour("ffc98a"), colour("8a4a86")),
        ink=colour("23163a"),
    ),
    Hour.NIGHT: Palette(
        sky=_sky("050a24", "0b1a47", "16336e", "2d5590", "5f8fb4"),
        haze=colour("34608f"),
        light=colour("9cc4f0"),
        shade=colour("3b5487"),
        glow=colour("dcecff"),
        cloud=(colour("8fb0d8"), colour("1d356a")),
        ink=colour("060d20"),
    ),
}

_PLACES = {
    (Mood.CITY, Hour.NIGHT): Palette(
        sky=_sky("070722", "130f45", "33176b", "7b2484", "e24f8c"),
        haze=colour("7a2f8c"),
        light=colour("a8b4ff"),
        shade=colour("584d9c"),
        glow=colour("ff7fb6"),
        cloud=(colour("a8438f"), colour("1d1350")),
        ink=colour("090818"),
    ),
    (Mood.FOREST, Hour.DAY): replace(
        _HOURS[Hour.DAY],
        sky=_sky("7fc7a0", "b9e8a8", "eef9c0", "fbffe0", "d9f2b4"),
        haze=colour("cdeeb4"),
        light=colour("fdf6b8"),
        shade=colour("5d8f84"),
        glow=colour("fff6c2"),
        ink=colour("0b2420"),
    ),
    (Mood.FOREST, Hour.NIGHT): replace(
        _HOURS[Hour.NIGHT],
        sky=_sky("06202b", "0d3b48", "1e6468", "4b9a8c", "2f7a78"),
        haze=colour("2a7078"),
        shade=colour("2f6470"),
        glow=colour("b8ffd9"),
        ink=colour("03100f"),
    ),
}


def choose_palette(setting: Setting) -> Palette:
    """The palette of a setting: chosen by place and hour, desaturated by the weather."""
    palette = _PLACES.get((setting.mood, setting.hour), _HOURS[setting.hour])
    if setting.weather in (Weather.RAIN, Weather.STORM):
        return _wash(palette, grey=0.30 if setting.weather is Weather.RAIN else 0.45, gain=_gain(setting))
    if setting.weather is Weather.SNOW:
        return replace(_wash(palette, grey=0.35, gain=1.04), haze=mix(palette.haze, (250, 244, 238), 0.35))
    if setting.weather is Weather.FOG:
        return _wash(palette, grey=0.45, gain=1.0)
    return palette


def _gain(setting: Setting) -> float:
    """The brightness of the scene in rain and storm. A night is dark enough."""
    if setting.hour is Hour.NIGHT:
        return 1.0
    return 0.82 if setting.weather is Weather.RAIN else 0.62


def _wash(palette: Palette, *, grey: float, gain: float) -> Palette:
    neon = 0.3 if palette.sky == _PLACES[(Mood.CITY, Hour.NIGHT)].sky else 1.0

    def wash(c: Colour) -> Colour:
        luma = 0.114 * c[0] + 0.587 * c[1] + 0.299 * c[2]
        return brighter(mix(c, (luma * 1.06, luma, luma * 0.94), grey * neon), gain)

    return replace(
        palette,
        sky=tuple((at, wash(c)) for at, c in palette.sky),
        haze=wash(palette.haze),
        light=wash(palette.light),
        shade=wash(palette.shade),
        glow=mix(wash(palette.glow), palette.glow, 0.4),
        cloud=(wash(palette.cloud[0]), wash(palette.cloud[1])),
    )
