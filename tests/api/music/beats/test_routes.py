"""Tempo and beats over HTTP: analyses, health, and tracks that match."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.music.app import create_app
from db.engine import SessionFactory
from db.models.library import Track
from tests import patient
from tests.api.api_requests import status_and_code
from tests.api.live_server import serve_live
from tests.api.music.beats.beat_requests import BPM_ROOT, analyse_track
from tests.api.music.library_fixture import poll_until
from tests.deployments.processes import wait_until
from tests.tower.beats.sounds import even_click_track, write_wav
from tests.tower.beats.structure.songs import RATE_HZ as SONG_HZ
from tests.tower.beats.structure.songs import three_parts
from tower.settings import Settings


def find_matches(beats: TestClient, **query: Any) -> list[dict[str, Any]]:
    answer = beats.get(f"{BPM_ROOT}/find-matching", params=query)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [row["title"] for row in rows]


def test_a_click_track_is_analysed_exactly(beats: TestClient, theme: Path) -> None:
    analysis = analyse_track(beats, theme)
    assert analysis["bpm"] == pytest.approx(120, abs=0.2)
    assert len(analysis["beat_times"]) >= 38
    assert np.diff(analysis["beat_times"]) == pytest.approx(0.5, abs=0.01)
    assert analysis["metadata"]["duration"] == pytest.approx(20, abs=0.01)
    assert analysis["metadata"]["sample_rate"] == 44_100
    assert [change["time"] for change in analysis["tempo_changes"]] == [analysis["beat_times"][0]]
    assert {len(analysis[name]) for name in ("beat_times", "beat_strengths")} == {analysis["metadata"]["beats"]}
    assert analysis["downbeats"]
    assert analysis["candidates"]
    assert analysis["cached"] is False


def test_a_basic_analysis_omits_the_detailed_fields(beats: TestClient, theme: Path) -> None:
    analysis = analyse_track(beats, theme, analysis_type="basic")
    left_out = ("downbeats", "beat_strengths", "candidates", "structure", "structure_reason")
    assert [analysis[name] for name in left_out] == [None] * 5
    assert len(analysis["beat_times"]) >= 38


def test_a_basic_analysis_loads_no_librosa_and_a_detailed_one_adds_structure_to_the_same_beats(
    beats: TestClient, beats_settings: Settings
) -> None:
    song = write_wav(beats_settings.media / "song.wav", three_parts(), rate_hz=SONG_HZ)
    basic = analyse_track(beats, song, analysis_type="basic")
    assert not any(_has_loaded("numba", child) for child in psutil.Process().children())
    detailed = analyse_track(beats, song)
    assert (basic["cached"], detailed["cached"]) == (False, True)
    assert detailed["beat_times"] == basic["beat_times"]
    structure = detailed["structure"]
    assert (structure["key"]["tonic"], structure["key"]["mode"], structure["key_reason"]) == ("C", "major", None)
    assert [part["label"] for part in structure["sections"]] == ["A", "B", "A"]
    assert len(structure["chroma"]) == 12
    assert max(structure["energy"]["values"]) == 1
    assert structure["cached"] is False
    recomputed = analyse_track(beats, song)["structure"]
    assert recomputed["cached"] is True
    assert recomputed["sections"] == structure["sections"]
    waveform = beats.get(f"/api/track/{detailed['track_id']}/waveform").text
    assert waveform.count("<rect") == 3
    assert "C major" in waveform


def test_the_second_answer_comes_from_the_cache_and_force_analyses_again(beats: TestClient, theme: Path) -> None:
    first, second = analyse_track(beats, theme), analyse_track(beats, theme, analysis_type="basic")
    assert (first["cached"], second["cached"]) == (False, True)
    assert analyse_track(beats, theme, force=True)["cached"] is False
    health = beats.get(f"{BPM_ROOT}/health").json()
    assert health["cached_analyses"] == 1


def test_simultaneous_requests_share_one_analysis(beats: TestClient, theme: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        analyses = list(threads.map(lambda _: analyse_track(beats, theme), range(6)))
    assert sorted(analysis["cached"] for analysis in analyses) == [False, *[True] * 5]


def test_hint_and_range_choose_the_octave(beats: TestClient, theme: Path) -> None:
    assert analyse_track(beats, theme, bpm_hint=60)["bpm"] == pytest.approx(60, abs=0.2)
    assert analyse_track(beats, theme, bpm_range=[50, 100])["bpm"] == pytest.approx(60, abs=0.2)


@pytest.mark.parametrize("wrong", [
    {"bpm_hint": 10}, {"bpm_hint": "fast"}, {"bpm_range": [120]}, {"bpm_range": [120, 90]},
    {"bpm_range": [90, 120], "bpm_hint": 150},
    {"analysis_type": "thorough"}, {"unknown": 1}, {"audio_path": ""}, {"audio_path": 5},
])  # fmt: skip
def test_invalid_parameters_are_refused(beats: TestClient, theme: Path, wrong: dict[str, Any]) -> None:
    answer = beats.post(f"{BPM_ROOT}/analyze-track", json={"audio_path": str(theme), **wrong})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")


def test_an_analysed_file_becomes_a_track_with_its_tempo(
    beats: TestClient, theme: Path, sessions: SessionFactory
) -> None:
    analysis = analyse_track(beats, theme)
    with sessions() as session:
        track = session.get_one(Track, analysis["track_id"])
    assert track.title == "theme-120"
    assert track.bpm == pytest.approx(120, abs=0.2)
    assert track.analysed_confidence == analysis["confidence"]


def test_a_tempo_set_by_the_user_is_kept_and_guides_the_analysis(
    beats: TestClient, theme: Path, sessions: SessionFactory
) -> None:
    track_id = analyse_track(beats, theme)["track_id"]
    with sessions.begin() as session:
        session.execute(update(Track).where(Track.id == track_id).values(bpm_override=60))
    analysis = analyse_track(beats, theme, force=True)
    assert (analysis["bpm_override"], analysis["bpm"]) == (60, pytest.approx(60, abs=0.2))
    assert [row["bpm"] for row in find_matches(beats, target_bpm=60, relation="exact")] == [60]


def test_health_lists_its_dependencies(beats: TestClient, beats_settings: Settings) -> None:
    # On a busy machine the trial of librosa outlasts one answer.
    health = poll_until(lambda: beats.get(f"{BPM_ROOT}/health").json(), lambda answer: not answer["reasons"])
    assert (health["status"], health["service"]) == ("healthy", "bpm-analyzer")
    assert health["dependencies"].items() >= {"librosa": version("librosa"), "numpy": version("numpy")}.items()
    assert "sklearn" not in health["dependencies"], "scikit-learn is installed but not used"
    assert health["cache_dir"] == str(beats_settings.data / "cache" / "beats")
    assert (health["cached_analyses"], health["processes"]) == (0, 2)


def test_matching_tells_half_and_double_time_apart(beats: TestClient, beats_settings: Settings, theme: Path) -> None:
    for bpm in (60, 124, 180):
        analyse_track(beats, write_wav(beats_settings.media / f"at-{bpm}.wav", even_click_track(bpm, 16)), bpm_hint=bpm)
    analyse_track(beats, theme)
    matches = {row["title"]: (row["relation"], row["off_bpm"]) for row in find_matches(beats, target_bpm=121)}
    assert titles(find_matches(beats, target_bpm=121)) == ["theme-120", "at-124", "at-60"]
    assert matches["theme-120"] == ("exact", pytest.approx(1, abs=0.1))
    assert matches["at-60"] == ("half", pytest.approx(0.5, abs=0.1))
    assert [row["relation"] for row in find_matches(beats, target_bpm=90)] == ["double"]
    assert titles(find_matches(beats, target_bpm=121, relation="exact", limit=1, offset=1)) == ["at-124"]
    assert find_matches(beats, target_bpm=97, tolerance=5) == []


def test_moods_are_understood_in_english_and_japanese(
    beats: TestClient, beats_settings: Settings, sessions: SessionFactory
) -> None:
    slow = analyse_track(beats, write_wav(beats_settings.media / "slow.wav", even_click_track(70, 20)), bpm_hint=70)[
        "track_id"
    ]
    fast = analyse_track(beats, write_wav(beats_settings.media / "fast.wav", even_click_track(150, 16)), bpm_hint=150)[
        "track_id"
    ]
    with sessions.begin() as session:
        session.execute(update(Track).where(Track.id == fast).values(genre="Rock", genre_text="rock"))
    assert titles(find_matches(beats, mood="calm")) == titles(find_matches(beats, mood="穏やか")) == ["slow"]
    (energetic,) = find_matches(beats, mood="激しい")
    assert (energetic["id"], energetic["mood_by"]) == (fast, ["tempo", "words"])
    assert titles(find_matches(beats, mood="sad", target_bpm=70)) == ["slow"]
    assert titles(find_matches(beats, mood="SLOW")) == ["slow"], "other words are searched in the tags"
    assert find_matches(beats, mood="xyzzy") == []
    assert slow != fast


def test_matching_requires_a_criterion(beats: TestClient) -> None:
    for query in ({}, {"target_bpm": 5}, {"target_bpm": "nan"}, {"mood": "  "}, {"target_bpm": 120, "tolerance": -1}):
        assert status_and_code(beats.get(f"{BPM_ROOT}/find-matching", params=query)) == (422, "VALIDATION_ERROR")


def test_a_disconnect_cancels_the_analysis_and_the_service_answers_meanwhile(beats_settings: Settings) -> None:
    long = write_wav(beats_settings.media / "long.wav", even_click_track(120, 5400, rate_hz=8000), rate_hz=8000)
    with serve_live(create_app(beats_settings), "no key") as service:
        httpx.get(f"{service.url}{BPM_ROOT}/health", timeout=60)  # tries librosa the first time
        with _abandoned_request(httpx.URL(f"{service.url}{BPM_ROOT}/analyze-track"), {"audio_path": str(long)}):
            wait_until(_analysis_runs, limit_s=30)
            assert httpx.get(f"{service.url}{BPM_ROOT}/health", timeout=30).status_code == 200
            assert _analysis_runs(), "the service answers during the analysis"
        wait_until(lambda: not _analysis_runs(), limit_s=60)
        assert patient.get(f"{service.url}{BPM_ROOT}/health").json()["cached_analyses"] == 0


@contextmanager
def _abandoned_request(url: httpx.URL, body: dict[str, str]) -> Iterator[None]:
    """A client that sends a request and disconnects at the end of the block."""
    content = json.dumps(body).encode()
    with socket.create_connection((url.host, url.port)) as connection:
        head = f"POST {url.path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        yield


def _has_loaded(name: str, child: psutil.Process) -> bool:
    try:
        return any(name in mapped.path for mapped in child.memory_maps())
    except psutil.Error:  # it has just ended
        return False


def _analysis_runs() -> bool:
    """Whether one of the analysing processes works."""
    return any(_is_analysing(child) for child in psutil.Process().children())


def _is_analysing(child: psutil.Process) -> bool:
    try:
        return "tower.beats.worker" in child.cmdline() and child.num_threads() > 1
    except psutil.Error:  # it has just ended
        return False
