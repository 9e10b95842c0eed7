"""A browser plays the golden film to its end, also after a jump to each chapter."""

from __future__ import annotations

from collections.abc import Iterator

import av
import pytest
from playwright.sync_api import Browser

from tests.tower.assembly.conftest import GoldenFilm
from tests.tower.conform import chromium
from tower.assembly.muxing import film_chapters

FPS = 24
LATE_S = 0.5  # a browser leaves frames out at this speed
RATE = 2.0


@pytest.fixture(scope="module")  # module scope: while the browser is open, no other event loop can run in this thread
def browser() -> Iterator[Browser]:
    with chromium.browser() as started_browser:
        yield started_browser


@pytest.fixture(scope="module")
def brightness(golden: GoldenFilm) -> list[float]:
    """The mean of each decoded frame, 0–255."""
    with av.open(str(golden.path)) as container:
        return [float(frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]


@pytest.mark.parametrize("number", range(5))
def test_a_jump_to_a_chapter_shows_its_pictures_to_the_end(
    golden: GoldenFilm, browser: Browser, brightness: list[float], number: int
) -> None:
    start_s = film_chapters(golden.cut)[number].start_frame / FPS
    shown = chromium.capture_frames(browser, golden.path, after_s=start_s, rate=RATE)
    first_s, last_s = shown[0][0], shown[-1][0]
    assert start_s - 0.01 <= first_s <= start_s + LATE_S
    assert last_s >= golden.cut.duration_s - LATE_S
    expected = [brightness[round(time_s * FPS)] for time_s, _ in shown]
    assert [bright for _, bright in shown] == pytest.approx(expected, abs=8)
