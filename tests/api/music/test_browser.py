"""A real browser plays a stream and seeks in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from api.music.app import create_app
from tests import patient
from tests.api.live_server import LiveServer, serve_live
from tests.api.music.library_fixture import poll_until
from tests.tower.conform import chromium
from tests.tower.library.conftest import Make
from tower.settings import Settings

PLAY = """async ([url, second]) => {
    const audio = new Audio(url);
    const told = name => new Promise((good, bad) => {
        audio.addEventListener(name, good, {once: true});
        audio.addEventListener("error", () => bad(new Error(audio.error.message)), {once: true});
    });
    await Promise.all([told("loadedmetadata"), audio.load()]);
    const seeked = told("seeked");
    audio.currentTime = second;
    await seeked;
    const from = audio.currentTime;
    const advanced = new Promise(good => audio.addEventListener("timeupdate", () => {
        if (audio.currentTime > from + 0.3) good();
    }));
    await audio.play();
    await advanced;
    audio.pause();
    return {duration: audio.duration, from, at: audio.currentTime};
}"""

KINDS = {"mp3": (), "flac": (), "m4a": ("-c:a", "alac")}  # ALAC is sent as Opus


@pytest.fixture
def service(music_settings: Settings) -> Iterator[LiveServer]:
    with serve_live(create_app(music_settings), token="") as running:
        yield running


@pytest.fixture
def page(service: LiveServer) -> Iterator[Page]:
    """A blank page of the service's origin, because its own pages do not allow media."""
    with chromium.browser() as browser:
        opened = browser.new_page()
        opened.route("**/blank", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
        opened.goto(f"{service.url}/blank")
        yield opened


def test_a_browser_plays_streams_and_seeks_in_them(
    page: Page, service: LiveServer, music_folder: Path, sounds: Make
) -> None:
    for ending, options in KINDS.items():
        sounds(music_folder / f"a.{ending}", *options, title=ending, seconds=30)
    scan = patient.post(f"{service.url}/api/library/scan", json={}).json()
    url = f"{service.url}/api/library/scans/{scan['id']}"
    poll_until(lambda: patient.get(url).json(), lambda now: now["ended_at"])
    tracks = patient.get(f"{service.url}/api/tracks").json()
    assert {track["title"] for track in tracks} == set(KINDS)
    for track in tracks:
        playback = page.evaluate(PLAY, [f"/api/track/{track['id']}/stream", 20])
        assert playback["duration"] == pytest.approx(30, abs=0.1)
        assert playback["from"] == pytest.approx(20, abs=0.05)
        assert 20.3 < playback["at"] < 29
