"""Streams and waveforms for players and browsers."""

from __future__ import annotations

import io
import time
from pathlib import Path
from xml.etree import ElementTree

import av
import pytest
from fastapi.testclient import TestClient

from tests.api.music.library_fixture import run_scan, tracks_by_title
from tests.tower.library.conftest import Make


def stream_of(music: TestClient, title: str) -> str:
    return f"/api/track/{tracks_by_title(music)[title]['id']}/stream"


def test_a_file_is_sent_whole_and_by_range(music: TestClient, music_folder: Path, sounds: Make) -> None:
    content = sounds(music_folder / "夜.mp3", title="A", seconds=3).read_bytes()
    run_scan(music)
    url = stream_of(music, "A")
    whole = music.get(url)
    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "audio/mpeg", content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-disposition"].startswith("inline")
    part = music.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    assert music.get(url, headers={"Range": "bytes=-10"}).content == content[-10:]
    beyond = music.get(url, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
    assert beyond.json()["error"]["code"] == "RANGE_NOT_SATISFIABLE"
    for odd_range in ("bytes=9-2", "items=0-1", "junk", "bytes=0-1,5-6"):
        assert music.get(url, headers={"Range": odd_range}).status_code == 200, odd_range
    assert music.head(url).headers["content-length"] == str(len(content))


def test_a_cached_file_is_not_sent_again(music: TestClient, music_folder: Path, sounds: Make) -> None:
    sounds(music_folder / "a.flac", title="A")
    run_scan(music)
    url = stream_of(music, "A")
    tag = music.get(url).headers["etag"]
    revalidated = music.get(url, headers={"If-None-Match": tag})
    assert (revalidated.status_code, revalidated.content, revalidated.headers["etag"]) == (304, b"", tag)
    assert music.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    time.sleep(0.01)
    sounds(music_folder / "a.flac", title="A", comment="changed")
    run_scan(music)
    assert music.get(url, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("ending", "media"),
    [
        ("mp3", "audio/mpeg"),
        ("m4a", "audio/mp4"),
        ("flac", "audio/flac"),
        ("ogg", "audio/ogg"),
        ("opus", "audio/ogg; codecs=opus"),
        ("wav", "audio/wav"),
    ],
)
def test_every_kind_has_its_media_type(
    music: TestClient, music_folder: Path, sounds: Make, ending: str, media: str
) -> None:
    sounds(music_folder / f"a.{ending}", title="A")
    run_scan(music)
    assert music.get(stream_of(music, "A")).headers["content-type"] == media


def test_unplayable_formats_are_sent_as_opus(music: TestClient, music_folder: Path, sounds: Make) -> None:
    sounds(music_folder / "alac.m4a", "-c:a", "alac", title="A", seconds=3)
    run_scan(music)
    url = stream_of(music, "A")
    copy = music.get(url)
    assert copy.headers["content-type"] == "audio/ogg; codecs=opus"
    with av.open(io.BytesIO(copy.content), "r") as container:
        stream = container.streams.audio[0]
        samples = sum(frame.samples for frame in container.decode(stream))
        assert (stream.codec_context.name, stream.codec_context.channels) == ("opus", 2)
    assert samples / 48_000 == pytest.approx(3, abs=0.05)
    assert music.get(url, headers={"Range": "bytes=0-9"}).content == copy.content[:10]
    assert music.get(url, params={"format": "original"}).headers["content-type"] == "audio/mp4"


def test_a_track_that_left_the_library_is_not_sent(
    music: TestClient, music_folder: Path, sounds: Make, tmp_path: Path
) -> None:
    sounds(music_folder / "a.mp3", title="A")
    run_scan(music)
    url = stream_of(music, "A")
    (music_folder / "a.mp3").unlink()
    secret = tmp_path / "secret.mp3"
    secret.write_bytes(b"secret")
    (music_folder / "a.mp3").symlink_to(secret)
    answer = music.get(url)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "FILE_MISSING")
    assert music.get(url.replace("stream", "waveform")).status_code == 404


def test_a_waveform_without_analysis_has_no_beats(music: TestClient, music_folder: Path, sounds: Make) -> None:
    sounds(music_folder / "a.mp3", title="<A> & B", artist="日本", seconds=3)
    run_scan(music)
    answer = music.get(stream_of(music, "<A> & B").replace("stream", "waveform"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    drawing = ElementTree.fromstring(answer.text)
    space = "{http://www.w3.org/2000/svg}"
    assert drawing.findtext(f"{space}title") == "日本 – <A> & B"
    assert "not analysed yet" in (drawing.findtext(f"{space}text") or "")
    assert [path.get("class") for path in drawing.iter(f"{space}path")] == ["sound"]


def test_a_waveform_shows_the_analysed_beats(music: TestClient, music_folder: Path, sounds: Make) -> None:
    clicks = "aevalsrc='0.8*exp(-60*mod(t,0.5))*sin(2*PI*1000*t)':s=44100"
    sounds(music_folder / "clicks.wav", title="Clicks", seconds=20, tone=clicks)
    run_scan(music)
    path = str((music_folder / "clicks.wav").resolve())
    analysis = music.post("/api/bpm/analyze-track", json={"audio_path": path})
    assert analysis.status_code == 200, analysis.text
    waveform = music.get(stream_of(music, "Clicks").replace("stream", "waveform")).text
    assert 'class="beat"' in waveform or 'class="downbeat"' in waveform
    assert f"{analysis.json()['bpm']:.1f} BPM" in waveform


@pytest.mark.parametrize("hostile", ["empty", "noise", "cut"])
def test_a_damaged_file_is_refused_within_a_second(
    music: TestClient, music_folder: Path, sounds: Make, hostile: str
) -> None:
    path = sounds(music_folder / "alac.m4a", "-c:a", "alac", title="A", seconds=3)
    run_scan(music)
    url = stream_of(music, "A")
    path.write_bytes({"empty": b"", "noise": bytes(range(256)) * 400, "cut": path.read_bytes()[:5000]}[hostile])
    for address in (url, url.replace("stream", "waveform"), url.removesuffix("/stream")):
        start_s = time.monotonic()
        answer = music.get(address)
        assert time.monotonic() - start_s < 1.5
        assert answer.status_code in (200, 422), (address, answer.text)
        assert answer.status_code == 200 or answer.json()["error"]["code"] == "MEDIA_UNREADABLE"
