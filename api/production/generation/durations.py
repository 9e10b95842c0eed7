"""Formats durations in words."""

from __future__ import annotations

MINUTE_S, HOUR_S = 60, 3600


def format_duration(seconds: float) -> str:
    """`40 seconds`, `4 minutes` or `2 hours`: rounded up, in the largest unit with a value over 1.5."""
    for unit, length_s in (("hour", HOUR_S), ("minute", MINUTE_S)):
        if seconds > 1.5 * length_s:
            return _with_unit(seconds / length_s, unit)
    return _with_unit(seconds, "second")


def _with_unit(amount: float, unit: str) -> str:
    whole = max(1, -int(-amount // 1))
    return f"{whole} {unit}" if whole == 1 else f"{whole} {unit}s"
