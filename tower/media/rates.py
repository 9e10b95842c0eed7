"""Frame rates: rational numbers, which JSON holds as a whole number or as the nearest decimal one."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

MIN_FPS, MAX_FPS = 1, 120
NTSC_DENOMINATOR = 1001
_RATE = re.compile(r"\d{1,9}(\.\d{1,9})?|\d{1,9}/\d{1,9}")
_NTSC_TOLERANCE = 0.0003  # relative; 23.98 means 24000/1001, and 24 does not


def exact_rate(fps: float | str | Fraction) -> Fraction:
    """The rational rate: 24000/1001 for 23.976. Raises ValueError for a text that is no positive rate."""
    if isinstance(fps, str):
        if not _RATE.fullmatch(fps) or "/" not in fps:
            return exact_rate(float(_checked_text(fps)))
        numerator, denominator = map(int, fps.split("/"))
        if not numerator or not denominator:
            raise ValueError("a rate above 0")
        return Fraction(numerator, denominator)
    if fps == int(fps):
        return Fraction(int(fps))
    ntsc = Fraction(round(fps * NTSC_DENOMINATOR / 1000) * 1000, NTSC_DENOMINATOR)
    if abs(float(ntsc) - fps) < _NTSC_TOLERANCE * fps:
        return ntsc
    return Fraction(fps).limit_denominator(NTSC_DENOMINATOR)


def rate_number(rate: Fraction) -> int | float:
    """The rate as JSON has it. `exact_rate` gives the same rate again."""
    return rate.numerator if rate.denominator == 1 else float(rate)


def _checked_text(text: str) -> str:
    if not _RATE.fullmatch(text):
        raise ValueError("frames per second, such as 24, 23.976 or 24000/1001")
    return text


def _parse_rate(value: Any) -> Any:
    """A number or text in its normal form. Other values are left to the checks of type and range."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    if not isinstance(value, str) and not MIN_FPS <= value <= MAX_FPS:
        return value
    return rate_number(exact_rate(value))


FrameRate = Annotated[
    int | float,
    BeforeValidator(_parse_rate),
    Field(ge=MIN_FPS, le=MAX_FPS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": MIN_FPS, "maximum": MAX_FPS},
                {"type": "string", "pattern": r"^(24000|30000|48000|60000|120000)/1001$"},
            ],
            "description": "Frames per second: 24, 23.976 or 24000/1001. Answers have a number.",
        },
        mode="validation",
    ),
]
