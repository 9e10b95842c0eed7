"""Frame rates are rational numbers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tower.media.encode import VideoWriter
from tower.media.overlap import segment_frames
from tower.media.probe import probe
from tower.media.rates import FrameRate, exact_rate, rate_number

FRAME_RATE: TypeAdapter[int | float] = TypeAdapter(FrameRate)
NTSC = ((23.976, "24000/1001"), (23.98, "24000/1001"), (29.97, "30000/1001"), (59.94, "60000/1001"))


@pytest.mark.parametrize(
    ("fps", "rate"), [*NTSC, (24, "24"), (24.0, "24"), (12.5, "25/2"), ("24000/1001", "24000/1001")]
)
def test_a_rate_is_exact(fps: float | str, rate: str) -> None:
    assert exact_rate(fps) == Fraction(rate)
    assert exact_rate(rate_number(exact_rate(fps))) == Fraction(rate)


@pytest.mark.parametrize(
    ("given", "answered"), [(24, 24), (24.0, 24), ("24", 24), (23.976, 24000 / 1001), ("24000/1001", 24000 / 1001)]
)
def test_a_request_gives_a_number_or_a_fraction(given: float | str, answered: float) -> None:
    rate = FRAME_RATE.validate_python(given, strict=True)
    assert (rate, type(rate)) == (answered, type(answered))
    assert FRAME_RATE.validate_python(rate, strict=True) == rate


@pytest.mark.parametrize(
    "given", [0, 0.5, 121, -24, "0/1", "24/0", "1e9", "-24", "fast", "", True, None, float("nan"), float("inf")]
)
def test_other_values_are_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        FRAME_RATE.validate_python(given, strict=True)


@pytest.mark.parametrize("fps", [24, 23.976, 29.97, 12.5])
def test_the_segments_of_a_fraction_cover_the_whole(fps: float) -> None:
    rate = rate_number(exact_rate(fps))
    lengths = segment_frames(5, rate, 4)
    assert sum(lengths) - 4 * 4 == round(5 * rate)


def test_a_clip_is_written_at_an_exact_fraction(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    with VideoWriter(target, size=(256, 256), fps=24000 / 1001, frames=30) as writer:
        for shade in range(30):
            writer.write(np.full((256, 256, 3), shade, np.uint8))
    found = probe(target)
    assert (found.fps, found.frames) == (Fraction(24000, 1001), 30)
    assert found.timing_error_ms < 0.05
