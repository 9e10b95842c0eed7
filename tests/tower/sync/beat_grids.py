"""Beat grids and structures to plan on."""

from __future__ import annotations

from itertools import pairwise

from tower.beats.structure.results import Section, Structure
from tower.sync.grid import BeatGrid, GridSource, build_even_grid


def even(bpm: float = 120, first_s: float = 0.0, track_s: float = 60.0) -> BeatGrid:
    return build_even_grid(bpm, first_s, track_s, GridSource.ANALYSED)


def structured_at(*section_starts_s: float) -> Structure:
    """Sections with these starts, after one that starts at 0."""
    starts = (0.0, *section_starts_s)
    sections = tuple(Section(start, end, "A", 1.0) for start, end in pairwise((*starts, 61.0)))
    return Structure(None, "No key", (), sections, None, (), 0.25, ())
