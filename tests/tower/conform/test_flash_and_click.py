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


def offsets_ms(actual: Sequence[float], expected: Sequence[float]) -> list[float]:
    return [abs(actual_s - expected_s) * 1000 for actual_s, expected_s in zip(actual, expected, strict=True)]


def test_every_flash_is_on_a_click(conformed: ConformedFilm) -> None:
    flashes = find_flashes(conformed.path)
    assert len(flashes) == conformed.flashes
    assert max(errors_ms(flashes, find_clicks(conformed.path))) <= conformed.limit_ms


def test_the_music_begins_at_its_offset(conformed: ConformedFilm) -> None:
    assert max(offsets_ms(find_clicks(conformed.path), conformed.heard_s)) <= EXACT_MS


@pytest.mark.parametrize("after_s", [1.0, 2.6, 3.9])
def test_flashes_and_music_are_exact_after_a_jump(conformed: ConformedFilm, after_s: float) -> None:
    flashes = find_flashes(conformed.path, after_s=after_s)
    assert flashes == [time for time in find_flashes(conformed.path) if time >= after_s]
    clicks = find_clicks(conformed.path, after_s=after_s)
    assert max(offsets_ms(clicks, [time for time in conformed.heard_s if time >= after_s])) <= EXACT_MS


def test_the_recorded_measurement_matches_the_file(conformed: ConformedFilm) -> None:
    measurement, errors = (
        conformed.result.measurement,
        errors_ms(find_flashes(conformed.path), find_clicks(conformed.path)),
    )
    assert measurement.errors_ms == pytest.approx(errors, abs=0.5)
    assert measurement.worst_ms == pytest.approx(conformed.plan.worst_error_ms, abs=0.1)
    assert measurement.mean_ms == pytest.approx(conformed.plan.mean_error_ms, abs=0.1)


def test_a_browser_shows_every_flash_on_a_click(conformed: ConformedFilm, browser: Browser) -> None:
    flashes = [time for time, brightness in chromium.capture_frames(browser, conformed.path) if brightness > BRIGHT]
    assert len(flashes) == conformed.flashes
    assert max(errors_ms(flashes, chromium.capture_sound(browser, conformed.path))) <= conformed.limit_ms


def test_a_browser_plays_the_music_from_its_offset(conformed: ConformedFilm, browser: Browser) -> None:
    assert max(offsets_ms(chromium.capture_sound(browser, conformed.path), conformed.heard_s)) <= EXACT_MS


def test_a_browser_is_exact_after_a_jump(conformed: ConformedFilm, browser: Browser) -> None:
    after_s = 2.9
    clicks = chromium.capture_playback(browser, conformed.path, after_s=after_s)
    assert max(offsets_ms(clicks, [time for time in conformed.heard_s if time >= after_s])) <= EXACT_MS
    flashes = [
        time
        for time, bright in chromium.capture_frames(browser, conformed.path, after_s=after_s, rate=0.5)
        if bright > BRIGHT
    ]
    assert len(flashes) == sum(time >= after_s for time in find_flashes(conformed.path))
    assert max(errors_ms(flashes, clicks)) <= conformed.limit_ms
