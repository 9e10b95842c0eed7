"""Flash and click on the finished file: every flash is on its click, as decoded and as a browser plays it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from playwright.sync_api import Browser

from tests.tower.conform import chromium
from tests.tower.conform.conftest import ConformedFilm
from tests.tower.conform.flashes import find_clicks, find_flashes

EXACT_MS = 2.0
BRIGHT = 150


def errors_ms(flashes: Sequence[float], clicks: Sequence[float]) -> list[float]:
    return [min(abs(flash - click) for click in clicks) * 1000 for flash in flashes]


def offsets_ms(found: Sequence[float], expected: Sequence[float]) -> list[float]:
    return [abs(one - other) * 1000 for one, other in zip(found, expected, strict=True)]


def test_every_flash_is_on_a_click(made: ConformedFilm) -> None:
    flashes = find_flashes(made.path)
    assert len(flashes) == made.flashes
    assert max(errors_ms(flashes, find_clicks(made.path))) <= made.limit_ms


def test_the_music_begins_at_its_offset(made: ConformedFilm) -> None:
    assert max(offsets_ms(find_clicks(made.path), made.heard_s)) <= EXACT_MS


@pytest.mark.parametrize("after_s", [1.0, 2.6, 3.9])
def test_both_are_so_after_a_jump(made: ConformedFilm, after_s: float) -> None:
    flashes = find_flashes(made.path, after_s=after_s)
    assert flashes == [time for time in find_flashes(made.path) if time >= after_s]
    clicks = find_clicks(made.path, after_s=after_s)
    assert max(offsets_ms(clicks, [time for time in made.heard_s if time >= after_s])) <= EXACT_MS


def test_what_was_measured_is_what_is_seen_and_heard(made: ConformedFilm) -> None:
    measured, found = made.result.measurement, errors_ms(find_flashes(made.path), find_clicks(made.path))
    assert measured.errors_ms == pytest.approx(found, abs=0.5)
    assert measured.worst_ms == pytest.approx(made.plan.worst_error_ms, abs=0.1)
    assert measured.mean_ms == pytest.approx(made.plan.mean_error_ms, abs=0.1)


def test_a_browser_shows_every_flash_on_a_click(made: ConformedFilm, browser: Browser) -> None:
    flashes = [time for time, brightness in chromium.capture_frames(browser, made.path) if brightness > BRIGHT]
    assert len(flashes) == made.flashes
    assert max(errors_ms(flashes, chromium.capture_sound(browser, made.path))) <= made.limit_ms


def test_a_browser_hears_the_music_from_its_offset(made: ConformedFilm, browser: Browser) -> None:
    assert max(offsets_ms(chromium.capture_sound(browser, made.path), made.heard_s)) <= EXACT_MS


def test_a_browser_is_exact_after_a_jump_too(made: ConformedFilm, browser: Browser) -> None:
    after_s = 2.9
    clicks = chromium.capture_playback(browser, made.path, after_s=after_s)
    assert max(offsets_ms(clicks, [time for time in made.heard_s if time >= after_s])) <= EXACT_MS
    flashes = [
        time
        for time, bright in chromium.capture_frames(browser, made.path, after_s=after_s, rate=0.5)
        if bright > BRIGHT
    ]
    assert len(flashes) == sum(time >= after_s for time in find_flashes(made.path))
    assert max(errors_ms(flashes, clicks)) <= made.limit_ms
