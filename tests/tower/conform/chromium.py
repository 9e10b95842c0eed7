"""A real browser that plays a file and records the frames it shows and the sound it plays."""

from __future__ import annotations

import shutil
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.tower.conform.flashes import Samples, match_clicks

ADDRESS = "http://localhost/"  # served by the test; a browser enables all features only for such an address
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
]
CAPTURE_HZ = 48_000
PAGE = """<!doctype html><video muted></video><canvas width=16 height=16></canvas><script>
const video = document.querySelector("video");
const pen = document.querySelector("canvas").getContext("2d", {willReadFrequently: true});

async function load() {
  const blob = await (await fetch("film.mp4")).blob();
  await show(video, blob);
  return blob;
}

async function show(screen, blob) {
  screen.src = URL.createObjectURL(blob);
  await new Promise((good, bad) => { screen.oncanplay = good; screen.onerror = () => bad(screen.error.message); });
}

// what is shown from each of several moments on, on as many screens at once
async function watchFrom(moments, rate) {
  const blob = await (await fetch("film.mp4")).blob();
  return Promise.all(moments.map(async from => {
    const screen = document.createElement("video");
    screen.muted = true;
    document.body.append(screen);
    await show(screen, blob);
    return watch(screen, from, rate);
  }));
}

// [media time, brightness] of each frame that was shown, from a moment on
async function watch(screen, from, rate) {
  const seen = [];
  const look = (now, frame) => {
    pen.drawImage(screen, 0, 0, 16, 16);
    const pixels = pen.getImageData(0, 0, 16, 16).data;
    seen.push([frame.mediaTime, pixels.filter((_, n) => n % 4 < 3).reduce((a, b) => a + b) / 768]);
    screen.requestVideoFrameCallback(look);
  };
  if (from) {
    screen.currentTime = from;
    await new Promise(done => { screen.onseeked = done; });
  }
  screen.requestVideoFrameCallback(look);
  screen.playbackRate = rate;
  const ended = new Promise(done => { screen.onended = done; });
  await screen.play();
  await ended;
  return seen;
}

async function hear(blob) {
  const sound = await new OfflineAudioContext(2, 1, RATE).decodeAudioData(await blob.arrayBuffer());
  return packed(sound.getChannelData(0));
}

function packed(samples) {
  let text = "";
  for (const byte of new Uint8Array(samples.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
}

// what comes out of the loudspeaker while it plays from a moment on, from the first sample that is not silent
async function listen(from) {
  const context = new AudioContext({sampleRate: RATE});
  const recorder = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([input]) { if (input.length) this.port.postMessage(input[0].slice()); return true; } })`;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([recorder], {type: "text/javascript"})));
  const node = new AudioWorkletNode(context, "recorder"), pieces = [];
  node.port.onmessage = message => pieces.push(...message.data);
  video.muted = false;
  video.currentTime = from;
  await new Promise(done => { video.onseeked = done; });
  context.createMediaElementSource(video).connect(node);
  await context.resume();
  const ended = new Promise(done => { video.onended = done; });
  await video.play();
  await ended;
  await new Promise(done => setTimeout(done, 200));
  return packed(Float32Array.from(pieces.slice(pieces.findIndex(sample => sample != 0))));
}
</script>""".replace("RATE", str(CAPTURE_HZ))


@contextmanager
def browser() -> Iterator[Browser]:
    """The machine's Chromium, with a new profile."""
    with sync_playwright() as playwright:
        started_browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        try:
            yield started_browser
        finally:
            started_browser.close()


@contextmanager
def _browsing(browser: Browser, film: Path) -> Iterator[Page]:
    """A page that may only fetch the film."""

    def serve(route: Route) -> None:
        if route.request.url == ADDRESS:
            route.fulfill(body=PAGE, content_type="text/html")
        elif route.request.url == f"{ADDRESS}film.mp4":
            route.fulfill(body=film.read_bytes(), content_type="video/mp4")
        else:
            route.abort()

    page = browser.new_page()
    try:
        page.route("**/*", serve)
        page.goto(ADDRESS)
        yield page
    finally:
        page.close()


def capture_frames(
    browser: Browser, film: Path, *, after_s: float = 0.0, rate: float = 0.5
) -> list[tuple[float, float]]:
    """Time and brightness (0–255) of each frame that the browser showed."""
    with _browsing(browser, film) as page:
        frames: Any = page.evaluate("([from, rate]) => load().then(() => watch(video, from, rate))", [after_s, rate])
    return _as_frames(frames)


def capture_jumps(
    browser: Browser, film: Path, starts_s: Sequence[float], *, rate: float
) -> list[list[tuple[float, float]]]:
    """What `capture_frames` captures after each of several jumps, which are played at once."""
    with _browsing(browser, film) as page:
        screens: Any = page.evaluate("([moments, rate]) => watchFrom(moments, rate)", [list(starts_s), rate])
    return [_as_frames(frames) for frames in screens]


def capture_sound(browser: Browser, film: Path) -> list[float]:
    """When clicks begin in the sound that the browser decodes."""
    with _browsing(browser, film) as page:
        samples = _unpacked(page.evaluate("load().then(hear)"))
    return match_clicks(samples, CAPTURE_HZ)


def capture_playback(browser: Browser, film: Path, *, after_s: float) -> list[float]:
    """The times at which clicks are played after a jump, in seconds of the film. The first sample is at the jump."""
    with _browsing(browser, film) as page:
        samples = _unpacked(page.evaluate("from => load().then(() => listen(from))", after_s))
    return [after_s + offset_s for offset_s in match_clicks(samples, CAPTURE_HZ)]


def _as_frames(frames: Any) -> list[tuple[float, float]]:
    return [(float(time), float(brightness)) for time, brightness in frames]


def _unpacked(text: str) -> Samples:
    return np.frombuffer(b64decode(text), "<f4")


def _chromium() -> str:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    return executable
