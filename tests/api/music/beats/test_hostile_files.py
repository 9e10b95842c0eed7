"""Hostile files over HTTP get a clear answer at little cost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient

from tests.api.api_requests import status_and_code
from tests.api.music.beats.beat_requests import BPM_ROOT, analyse_track
from tests.tower.beats.sounds import encode, even_click_track, write_wav
from tower.settings import Settings


def noise(seconds: float = 3) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(1).normal(0, 0.1, int(44_100 * seconds))


def truncated(folder: Path) -> Path:
    whole = encode(folder / "whole.m4a", even_click_track(120, 10), "aac").read_bytes()
    (folder / "truncated.m4a").write_bytes(whole[: len(whole) // 2])  # its index was at the end
    return folder / "truncated.m4a"


def zero_bytes(folder: Path) -> Path:
    (folder / "empty.mp3").touch()
    return folder / "empty.mp3"


def zeros(folder: Path) -> Path:
    (folder / "zeros.mp3").write_bytes(bytes(1_000_000))
    return folder / "zeros.mp3"


def text_as_music(folder: Path) -> Path:
    (folder / "poem.mp3").write_text("roses are red\n" * 10_000)
    return folder / "poem.mp3"


def playlist_as_music(folder: Path) -> Path:
    (folder / "list.mp3").write_text("#EXTM3U\n#EXTINF:10,\n/etc/passwd\n")
    return folder / "list.mp3"


def film_without_sound(folder: Path) -> Path:
    path = folder / "film.mp3"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width = stream.height = 64
        for _ in range(24):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("make", [truncated, zero_bytes, zeros, text_as_music, playlist_as_music, film_without_sound])
def test_a_file_without_sound_is_refused_within_a_second(
    beats: TestClient, beats_settings: Settings, make: Any, theme: Path
) -> None:
    analyse_track(beats, theme)  # warms the processes up
    path = make(beats_settings.media)
    start_s = _processor_time_s()
    answer = beats.post(f"{BPM_ROOT}/analyze-track", json={"audio_path": str(path)})
    assert _processor_time_s() - start_s < 1
    assert status_and_code(answer) == (422, "MEDIA_UNREADABLE")
    assert path.name in answer.json()["error"]["message"]


def cut_mp3(folder: Path) -> Path:
    whole = encode(folder / "whole.mp3", even_click_track(120, 20), "libmp3lame").read_bytes()
    (folder / "cut.mp3").write_bytes(whole[: len(whole) // 2 + 77])
    return folder / "cut.mp3"


def wrong_ending(folder: Path) -> Path:
    return encode(folder / "x.flac", even_click_track(120, 10), "flac").rename(folder / "flac.mp3")


def ten_hours_in_the_header(folder: Path) -> Path:
    path = write_wav(folder / "hours.wav", even_click_track(120, 10))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = (44_100 * 2 * 36_000 % 2**32).to_bytes(4, "little")
    path.write_bytes(data)
    return path


def eight_channels(folder: Path) -> Path:
    return write_wav(folder / "eight.wav", even_click_track(120, 10), channels=8)


def at_192_khz(folder: Path) -> Path:
    return write_wav(folder / "fine.wav", even_click_track(120, 10, rate_hz=192_000), rate_hz=192_000)


def malformed_tags(folder: Path) -> Path:
    path = encode(folder / "tags.mp3", even_click_track(120, 10), "libmp3lame")
    tag = b"TIT2" + (0x7FFFFFFF).to_bytes(4) + b"\0\0\3\xff\xfe\x80broken" + b"TBPM\0\0\0\5\0\0\0-1e9"
    size = len(tag) + 40
    head = b"ID3\3\0\0" + bytes([(size >> shift) & 127 for shift in (21, 14, 7, 0)])
    path.write_bytes(head + tag + bytes(40) + path.read_bytes())
    return path


@pytest.mark.parametrize(
    "make", [cut_mp3, wrong_ending, ten_hours_in_the_header, eight_channels, at_192_khz, malformed_tags]
)
def test_an_odd_but_audible_file_is_analysed_within_a_second(
    beats: TestClient, beats_settings: Settings, make: Any, theme: Path
) -> None:
    analyse_track(beats, theme)
    path = make(beats_settings.media)
    start_s = _processor_time_s()
    analysis = analyse_track(beats, path)
    assert _processor_time_s() - start_s < 1
    assert analysis["bpm"] == pytest.approx(120, abs=0.5)
    assert analysis["metadata"]["duration"] == pytest.approx(10, abs=0.2)


def test_paths_outside_and_odd_files_are_refused_at_once(
    beats: TestClient, beats_settings: Settings, tmp_path: Path
) -> None:
    secret = write_wav(tmp_path / "secret.wav", noise())
    media = beats_settings.media
    (media / "link.wav").symlink_to(secret)
    os.mkfifo(media / "pipe.wav")
    start_s = _processor_time_s()
    for path in (
        secret,
        media / "link.wav",
        media / "pipe.wav",
        media,
        "relative.wav",
        f"{media}/../secret.wav",
        "/dev/zero",
    ):
        assert status_and_code(beats.post(f"{BPM_ROOT}/analyze-track", json={"audio_path": str(path)})) == (
            422,
            "VALIDATION_ERROR",
        )
    assert _processor_time_s() - start_s < 1
    absent = beats.post(f"{BPM_ROOT}/analyze-track", json={"audio_path": str(media / "absent.mp3")})
    assert status_and_code(absent) == (404, "NOT_FOUND")


def _processor_time_s() -> float:
    """Processor time of this process and its analysers, because the clock also counts other work of the machine."""
    ours = psutil.Process()
    cpu_times = [process.cpu_times() for process in (ours, *ours.children())]
    return sum(times.user + times.system for times in cpu_times)
