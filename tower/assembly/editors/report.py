"""The formats of editing programs, and what is said of a written file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class ExportFormat(StrEnum):
    OTIO = "otio"
    OTIOZ = "otioz"  # with the media in it
    EDL = "edl"  # CMX 3600
    FCPXML7 = "fcpxml7"  # XML of Final Cut Pro 7, which most editing programs read

    @property
    def suffix(self) -> str:
        return ".xml" if self is ExportFormat.FCPXML7 else f".{self.value}"


@dataclass(frozen=True)
class Loss:
    """A part of the cut that the format does not hold as it is. `part` names it as errors do: "items.2"."""

    part: str
    message: str


@dataclass(frozen=True)
class ExportReport:
    """A written file. `clips` counts its pictures; `events` of an EDL has one more for each fade."""

    path: Path
    format: ExportFormat
    clips: int
    events: int
    frames: int
    losses: tuple[Loss, ...]
