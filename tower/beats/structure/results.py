"""The structure of a piece of music: key, sections, energy and drops. This module does not need librosa."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

STRUCTURE_VERSION = 1  # increases when the same file and beats give another result
TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
Mode = Literal["major", "minor"]


class StructureUnavailableError(TowerError):
    """librosa does not work here, so only beats can be found."""

    code = ErrorCode.STRUCTURE_UNAVAILABLE
    status = 503


@dataclass(frozen=True)
class Key:
    """`tonic`: one of TONICS. `confidence`: 0–1; docs/structure.md says how often it is right."""

    tonic: str
    mode: Mode
    confidence: float


@dataclass(frozen=True)
class Section:
    """Sections with the same label sound alike. `energy`: 0–1, relative to the loudest stretch of the track."""

    start_s: float
    end_s: float
    label: str
    energy: float


@dataclass(frozen=True)
class Drop:
    """A time at which the sound gets louder by `rise_db` and stays so."""

    time_s: float
    rise_db: float


@dataclass(frozen=True)
class Structure:
    """Times are seconds from the first sample.

    `key` is None if no key stands out, and `no_key` is the reason; likewise `sections` and `no_sections`.
    `chroma`: the amount of each of TONICS, the largest is 1; empty for silence.
    `energy`: 0–1 for each `energy_step_s`, the loudest is 1; at most 400 values.
    """

    key: Key | None
    no_key: str | None
    chroma: tuple[float, ...]
    sections: tuple[Section, ...]
    no_sections: str | None
    energy: tuple[float, ...]
    energy_step_s: float
    drops: tuple[Drop, ...]
    version: int = STRUCTURE_VERSION

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Structure:
        """Read the result of `as_json`. Raises TypeError or KeyError for other content."""
        return cls(
            **{
                **kept,
                "key": Key(**kept["key"]) if kept["key"] else None,
                "chroma": tuple(kept["chroma"]),
                "energy": tuple(kept["energy"]),
                "sections": tuple(Section(**one) for one in kept["sections"]),
                "drops": tuple(Drop(**one) for one in kept["drops"]),
            }
        )
