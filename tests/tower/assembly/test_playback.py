"""A browser plays the golden film to its end, also after a jump to each chapter."""

from __future__ import annotations

import av
import pytest

from tests.tower.assembly.conftest import GoldenFilm
from tests.tower.conform import chromium
from tower.assembly.muxing import film_chapters

FPS = 24
CHAPTERS = 11  # the title and ten scenes
LATE_S = 0.5  # a browser leaves frames out at this speed
LATE_FRAMES = 2  # a busy browser draws a frame when the next ones are shown already
RATE = 2.0
Shown = list[tuple[float, float]]


@pytest.fixture(scope="module")
def brightness(golden: GoldenFilm) -> list[float]:
    """The mean of each decoded frame, 0–255."""
    with av.open(str(golden.path)) as container:
        return [float(frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def starts_s(golden: GoldenFilm) -> list[float]:
    return [chapter.start_frame / FPS for chapter in film_chapters(golden.cut)]


@pytest.fixture(scope="module")
def shown(golden: GoldenFilm, starts_s: list[float]) -> list[Shown]:
    """What the browser shows after a jump to each chapter. It plays all at once, as each takes seconds."""
    with chromium.browser() as browser:
        return chromium.capture_jumps(browser, golden.path, starts_s, rate=RATE)


@pytest.mark.parametrize("number", range(CHAPTERS))
def test_a_jump_to_a_chapter_shows_its_pictures_to_the_end(
    golden: GoldenFilm, shown: list[Shown], starts_s: list[float], brightness: list[float], number: int
) -> None:
    assert len(starts_s) == CHAPTERS
    frames, start_s = shown[number], starts_s[number]
    first_s, last_s = frames[0][0], frames[-1][0]
    assert start_s - 0.01 <= first_s <= start_s + LATE_S
    assert last_s >= golden.cut.duration_s - LATE_S
    for time_s, bright in frames:
        frame = round(time_s * FPS)
        off = min(abs(bright - expected) for expected in brightness[frame : frame + 1 + LATE_FRAMES])
        assert off <= 8, f"frame {frame}"
