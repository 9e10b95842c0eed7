"""The colours of a setting: place, hour and weather."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tower_animatic.paint import Colour, apply_light, mix_colours, parse_colour
from tower_animatic.setting_parts import Hour, Mood


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

    def shade_surface(self, local: Colour, depth: float, *, sunny: float = 0.0) -> Colour:
        """A surface of a local colour at a depth (0 far … 1 near), in shadow or (sunny = 1) in the light."""
        shaded = apply_light(local, mix_colours(self.shade, self.light, sunny))
        return mix_colours(self.haze, shaded, min(1.0, depth**0.75))


def _sky(*codes: str) -> tuple[tuple[float, Colour], ...]:
    return tuple((i / (len(codes) - 1), parse_colour(code)) for i, code in enumerate(codes))


HOURS = {
    Hour.DAY: Palette(
        sky=_sky("1257b0", "2c7fd6", "5fb2ee", "a9dcf8", "e6f6fb"),
        haze=parse_colour("b9def2"),
        light=parse_colour("fff8e6"),
        shade=parse_colour("7d94c4"),
        glow=parse_colour("fff3cf"),
        cloud=(parse_colour("ffffff"), parse_colour("8fb4e0")),
        ink=parse_colour("14283c"),
    ),
    Hour.DAWN: Palette(
        sky=_sky("3f5fa8", "7f8fcb", "c7a9cf", "f7c4b4", "ffe7bd"),
        haze=parse_colour("f3cfc4"),
        light=parse_colour("ffe2c0"),
        shade=parse_colour("77739f"),
        glow=parse_colour("ffdba3"),
        cloud=(parse_colour("ffeadb"), parse_colour("9a8fc2")),
        ink=parse_colour("2a2846"),
    ),
    Hour.SUNSET: Palette(
        sky=_sky("1f2560", "5b3a86", "b34c83", "f2745a", "ffbb5c"),
        haze=parse_colour("f39a70"),
        light=parse_colour("ffc27a"),
        shade=parse_colour("6b5187"),
        glow=parse_colour("ffc766"),
        cloud=(parse_colour("ffc98a"), parse_colour("8a4a86")),
        ink=parse_colour("23163a"),
    ),
    Hour.NIGHT: Palette(
        sky=_sky("050a24", "0b1a47", "16336e", "2d5590", "5f8fb4"),
        haze=parse_colour("34608f"),
        light=parse_colour("9cc4f0"),
        shade=parse_colour("3b5487"),
        glow=parse_colour("dcecff"),
        cloud=(parse_colour("8fb0d8"), parse_colour("1d356a")),
        ink=parse_colour("060d20"),
    ),
}

PLACES = {
    (Mood.CITY, Hour.NIGHT): Palette(
        sky=_sky("070722", "130f45", "33176b", "7b2484", "e24f8c"),
        haze=parse_colour("7a2f8c"),
        light=parse_colour("a8b4ff"),
        shade=parse_colour("584d9c"),
        glow=parse_colour("ff7fb6"),
        cloud=(parse_colour("a8438f"), parse_colour("1d1350")),
        ink=parse_colour("090818"),
    ),
    (Mood.FOREST, Hour.DAY): replace(
        HOURS[Hour.DAY],
        sky=_sky("7fc7a0", "b9e8a8", "eef9c0", "fbffe0", "d9f2b4"),
        haze=parse_colour("cdeeb4"),
        light=parse_colour("fdf6b8"),
        shade=parse_colour("5d8f84"),
        glow=parse_colour("fff6c2"),
        ink=parse_colour("0b2420"),
    ),
    (Mood.FOREST, Hour.NIGHT): replace(
        HOURS[Hour.NIGHT],
        sky=_sky("06202b", "0d3b48", "1e6468", "4b9a8c", "2f7a78"),
        haze=parse_colour("2a7078"),
        shade=parse_colour("2f6470"),
        glow=parse_colour("b8ffd9"),
        ink=parse_colour("03100f"),
    ),
}

_UNDERWATER = Palette(
    sky=_sky("8fe3e0", "46b3c4", "1f86a6", "155f88", "0e4468"),
    haze=parse_colour("1f7596"),
    light=parse_colour("bff0ea"),
    shade=parse_colour("4a8aa0"),
    glow=parse_colour("d8fff4"),
    cloud=(parse_colour("bfeef0"), parse_colour("2f86a0")),
    ink=parse_colour("06283c"),
)
_SPACE = Palette(
    sky=_sky("05060f", "090b1e", "0d1230", "131a40", "1a2450"),
    haze=parse_colour("2a2c48"),
    light=parse_colour("f4f2ff"),
    shade=parse_colour("4c4e70"),
    glow=parse_colour("fffaf0"),
    cloud=(parse_colour("5a4f80"), parse_colour("1a1838")),
    ink=parse_colour("07070f"),
)
PLACES |= {
    **{(Mood.UNDERWATER, hour): _UNDERWATER for hour in Hour},
    (Mood.UNDERWATER, Hour.NIGHT): replace(
        _UNDERWATER,
        sky=_sky("3f8fb0", "1b5a80", "0f3c60", "0a2a4a", "061a34"),
        haze=parse_colour("0f4062"),
        light=parse_colour("7fb4d8"),
        shade=parse_colour("2f5a80"),
        glow=parse_colour("a8dcf4"),
        ink=parse_colour("030f20"),
    ),
    **{(Mood.SPACE, hour): _SPACE for hour in Hour},
    (Mood.PLANET, Hour.DAY): replace(
        HOURS[Hour.DAY],
        sky=_sky("8a5a44", "b87c58", "d8a078", "eac09a", "f6dcc0"),
        haze=parse_colour("e6b994"),
        light=parse_colour("ffe6cc"),
        shade=parse_colour("8a5c5a"),
        glow=parse_colour("fff4e0"),
        ink=parse_colour("2a1418"),
    ),
    (Mood.PLANET, Hour.NIGHT): replace(
        HOURS[Hour.NIGHT],
        sky=_sky("0a0814", "1a1020", "331a2a", "552c34", "7a4440"),
        haze=parse_colour("5a3038"),
        light=parse_colour("d8a8a0"),
        shade=parse_colour("5c3c50"),
        glow=parse_colour("ffe8dc"),
        ink=parse_colour("0c060c"),
    ),
}
