"""What a piece of music is built of: its key, its sections, how its energy goes. Nothing here needs librosa."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tower.errors import TowerError
from tower.errors.codes import ErrorCode

VERSION = 1  # of the method: counts up whenever the same file and the same beats give another result
TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
Mode = Literal["major", "minor"]


class StructureUnavailableError(TowerError):
    """librosa does not work here, so only beats can be found."""

    code = ErrorCode.STRUCTURE_UNAVAILABLE
    status = 503


@dataclass(frozen=True)
class Key:
    """`tonic`: one of TONICS. `confidence`: 0–1; docs/structure.md says how often which one is right."""

    tonic: str
    mode: Mode
    confidence: float


@dataclass(frozen=True)
class Section:
    """Sections with one label sound alike. `energy`: 0–1, beside the loudest stretch of the track."""

    start_s: float
    end_s: float
    label: str
    energy: float


@dataclass(frozen=True)
class Drop:
    """Where the sound suddenly gets louder and stays so, by `rise_db`."""

    time_s: float
    rise_db: float


@dataclass(frozen=True)
class Structure:
    """Times are seconds from the first sample.

    `key` is null, and `no_key` says why, where no key stands out; likewise `sections` and `no_sections`.
    `chroma`: how much of each of TONICS there is, the most being 1; empty for silence.
    `energy`: 0–1 for each `energy_step_s`, the loudest being 1; at most 400 values.
    """

    key: Key | None
    no_key: str | None
    chroma: tuple[float, ...]
    sections: tuple[Section, ...]
    no_sections: str | None
    energy: tuple[float, ...]
    energy_step_s: float
    drops: tuple[Drop, ...]
    version: int = VERSION

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Structure:
        """What `as_json` gave. TypeError or KeyError for anything else."""
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
