"""Fits the values that files and lists of other programs bring to the columns of the tracks.

Without this, only the database would refuse a value out of range, and with it everything else in the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import BigInteger, Column, Double, Float, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from db.models.library import Track
from tower.media.decode import MediaUnreadableError

MIN_BIGINT, MAX_BIGINT = -(2**63), 2**63 - 1
MIN_BPM, MAX_BPM = 20.0, 400.0
RANGES: Mapping[str, tuple[float, float]] = {
    "bytes": (0, MAX_BIGINT),
    "duration_s": (0.001, 1e7),
    "sample_rate": (1, 1e8),
    "channels": (1, 1024),
    "bitrate": (1, 1e12),
    "gain_db": (-100, 100),
    "tag_bpm": (MIN_BPM, MAX_BPM),
    "bpm_override": (MIN_BPM, MAX_BPM),
    "analysed_bpm": (MIN_BPM, MAX_BPM),
    "analysed_confidence": (0, 1),
}
MAX_INDEXED_BYTES = 2000  # an entry of a B-tree holds 2,704
INDEXED_TEXTS = frozenset({"title_text", "persistent_id"})


def fit_track(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the columns of a track can hold them. One that does not fit becomes None.

    Raises MediaUnreadableError for one that a track cannot do without.
    """
    columns = cast(Table, Track.__table__).columns
    fitted = {name: _fit(columns[name], value) for name, value in values.items()}
    for name, value in fitted.items():
        if value is None and not columns[name].nullable:
            raise MediaUnreadableError(f"Its {name} is not usable: {str(values[name])[:50]}")
    return fitted


def storable_text(text: str) -> str:
    """The text without characters that PostgreSQL refuses: NUL and lone surrogates become �."""
    return "".join("�" if character == "\0" or "\ud800" <= character <= "\udfff" else character for character in text)


def clamp_mtime_ns(mtime_ns: int) -> int:
    """A time of change that fits the column; file systems can hold years after 2262."""
    return max(MIN_BIGINT, min(MAX_BIGINT, mtime_ns))


def _fit(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, Text):
        return _fit_text(column, value)
    if isinstance(column.type, JSONB) and isinstance(value, list):
        return [storable_text(text) for text in value]
    if isinstance(column.type, BigInteger | Double | Float):
        return _fit_number(column.name, value)
    return value


def _fit_text(column: Column[Any], value: str) -> str:
    text = storable_text(value)
    return text.encode()[:MAX_INDEXED_BYTES].decode(errors="ignore") if column.name in INDEXED_TEXTS else text


def _fit_number(name: str, value: float) -> float | None:
    low, high = RANGES.get(name, (MIN_BIGINT, MAX_BIGINT))
    return value if low <= value <= high else None  # not a number is in no range
