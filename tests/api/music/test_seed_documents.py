"""Sends every request to the music service that the seed documents contain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.music.library_fixture import poll_until
from tests.api.production.seed_curls import Curl, load_curls

PORT = 8315
CURLS = [curl for curl in load_curls() if curl.port == PORT]


def health(answer: Any) -> None:
    assert answer["service"] == "tower-apple-music"
    assert all(answer["features"][name] is True for name in ("audio_quality_monitoring", "music_library", "streaming"))


def bpm_health(answer: Any) -> None:
    assert (answer["status"], answer["service"], answer["cached_analyses"]) == ("healthy", "bpm-analyzer", 1)
    assert {"librosa", "numpy"} <= set(answer["dependencies"])


def analysis(answer: Any) -> None:
    assert answer["bpm"] == pytest.approx(120, abs=0.1)
    assert (answer["metadata"]["duration"], answer["metadata"]["sample_rate"]) == (20.0, 44100)
    assert answer["beat_times"][:3] == pytest.approx([0.0, 0.5, 1.0], abs=0.02)


def sync(answer: Any) -> None:
    plan = answer["plan"]
    assert (plan["frames"], plan["fps"]) == (120, 24)
    assert [(cut["frame"], cut["at_frame"], cut["beat_s"]) for cut in plan["cut_list"]] == [
        (0, 0, pytest.approx(0, abs=0.02)),
        (60, 60, pytest.approx(2.5, abs=0.02)),
    ]
    assert plan["predicted_error"]["worst_ms"] < 1000 / 24


def matches(answer: Any) -> None:
    assert [(match["title"], match["relation"]) for match in answer] == [("theme-120", "exact")]


def nothing_found(answer: Any) -> None:
    assert answer == []


def the_track(answer: Any) -> None:
    assert (answer["title"], answer["duration"]) == ("theme-120", 20.0)


PROOFS: dict[str, Callable[[Any], None]] = {
    "GET /api/health": health,
    "GET /api/bpm/health": bpm_health,
    "POST /api/bpm/analyze-track": analysis,
    "POST /api/bpm/sync-analysis": sync,
    "GET /api/bpm/find-matching?target_bpm=120&tolerance=5": matches,
    "GET /api/search?q=epic%20orchestral&limit=10": nothing_found,
    "GET /api/playlists": nothing_found,
    "GET /api/track/12345": the_track,
}


@pytest.mark.parametrize("curl", CURLS, ids=lambda curl: curl.request_line)
def test_a_documented_request_behaves_as_documented(curl: Curl, beats: TestClient, theme: Path) -> None:
    analysis = beats.post("/api/bpm/analyze-track", json={"audio_path": str(theme)}).json()
    method, path = curl.request_line.split(" ", 1)
    body = json.loads(curl.body.replace("/path/to/audio.mp3", str(theme))) if curl.body else None
    answer = beats.request(method, path.replace("12345", str(analysis["track_id"])), json=body)
    if path == "/api/bpm/health":  # on a busy machine the trial of librosa outlasts the first answer
        poll_until(lambda: beats.get(path).json(), lambda answer: not answer["reasons"])
        answer = beats.get(path)
    assert answer.status_code == 200, answer.text
    PROOFS[curl.request_line](answer.json())


def test_every_documented_request_is_tested() -> None:
    assert {curl.request_line for curl in CURLS} == set(PROOFS)
