"""Marks on the film: chapters, beats and notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tower.assembly.cut import EpisodeCut
from tower.errors import InvalidError
from tower.errors.foreign import one_line

MAX_NAME = 120  # characters; longer names break lines in lists of markers


class MarkerKind(StrEnum):
    CHAPTER = "chapter"
    BEAT = "beat"
    NOTE = "note"


@dataclass(frozen=True)
class CutMarker:
    """A mark at a frame of the film."""

    frame: int
    name: str
    kind: MarkerKind = MarkerKind.NOTE


def list_markers(cut: EpisodeCut, more: Iterable[CutMarker]) -> list[CutMarker]:
    """The chapters of the cut and `more`, in order and once each. Raises InvalidError, which names the marker."""
    markers = [CutMarker(chapter.start_frame, chapter.title, MarkerKind.CHAPTER) for chapter in cut.chapters]
    for number, marker in enumerate(more):
        if not 0 <= marker.frame < cut.frames:
            raise InvalidError.field(f"markers.{number}.frame", marker.frame, f"0 to {cut.frames - 1}")
        markers.append(marker)
    named = [CutMarker(one.frame, one_line(one.name, MAX_NAME), one.kind) for one in markers]
    return sorted(dict.fromkeys(named), key=lambda marker: marker.frame)
