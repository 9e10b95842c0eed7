"""The piece of music that Tower makes itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tower.beats.analysis import analyse
from tower.library.example import write_example


@pytest.mark.parametrize("bpm", [96.0, 120.0])
def test_its_beats_are_found_at_its_tempo(tmp_path: Path, bpm: float) -> None:
    found = analyse(write_example(tmp_path / "media" / "example.wav", bpm=bpm, length_s=12))
    assert found.bpm == pytest.approx(bpm, rel=0.01)
    offsets = [time_s % (60 / bpm) for time_s in found.beat_times_s]
    assert max(min(offset, 60 / bpm - offset) for offset in offsets) < 0.03
