"""Cuts on beats over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.music.app import create_app
from tests.api.api_requests import status_and_code
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.settings import Settings

SYNC, CUTS = "/api/bpm/sync-analysis", "/api/bpm/cut-list"
PAIRS = [{"audio_time": 0.0, "video_frame": 0}, {"audio_time": 2.5, "video_frame": 60}]


@pytest.fixture
def settings(api_database_url: str, tmp_path: Path) -> Settings:
    settings = Settings(database_url=api_database_url, data_dir=tmp_path / "data", beat_processes=1)
    settings.media.mkdir(parents=True)
    return settings


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def theme(settings: Settings) -> Path:
    return write_wav(settings.media / "theme-120.wav", even_click_track(120, 20))


def sync_request(path: Path, **more: Any) -> dict[str, Any]:
    return {"audio_path": str(path), "video_duration": 5.0, "target_fps": 24, "sync_points": PAIRS} | more


def require_plan(client: TestClient, url: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(url, json=body)
    assert answer.status_code == 200, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


def test_the_documented_request_returns_a_plan(client: TestClient, theme: Path) -> None:
    answer = require_plan(client, SYNC, sync_request(theme))
    assert answer["bpm"] == pytest.approx(120, abs=0.2)
    plan = answer["plan"]
    assert [(cut["frame"], cut["at_frame"]) for cut in plan["cut_list"]] == [(0, 0), (60, 60)]
    assert plan["offset_s"] == pytest.approx(0, abs=0.012)
    assert [cut["beat_s"] for cut in plan["cut_list"]] == pytest.approx([0, 2.5], abs=0.012)
    assert [(shot["frames"], shot["ratio"]) for shot in plan["shots"]] == [(60, 1), (60, 1)]
    assert plan["predicted_error"]["worst_ms"] <= 500 / 24


def test_a_frame_is_moved_to_the_beat_next_to_its_time(client: TestClient, theme: Path) -> None:
    pairs = [{"audio_time": 1.0, "video_frame": 0}, {"audio_time": 3.6, "video_frame": 57}]
    plan = require_plan(client, SYNC, sync_request(theme, sync_points=pairs, timing="vfr", bpm_hint=120))["plan"]
    assert plan["offset_s"] == pytest.approx(1, abs=0.012)
    assert plan["cut_list"][1]["beat_s"] == pytest.approx(3.5, abs=0.012)
    assert plan["shots"][0]["ratio"] == pytest.approx(2.5 / 2.375, abs=0.01)
    assert plan["predicted_error"]["worst_ms"] == pytest.approx(0, abs=0.01)


def test_ntsc_rates_are_exact(client: TestClient, theme: Path) -> None:
    plan = require_plan(client, SYNC, sync_request(theme, target_fps=23.976))["plan"]
    assert (plan["frames"], plan["fps"]) == (120, pytest.approx(24_000 / 1001, rel=1e-12))
    assert plan["duration_s"] == pytest.approx(120 * 1001 / 24_000)


def test_stretches_beyond_the_bounds_are_refused_and_the_bounds_can_be_moved(client: TestClient, theme: Path) -> None:
    pairs = [{"audio_time": 0.0, "video_frame": 0}, {"audio_time": 0.5, "video_frame": 9}]
    body = sync_request(theme, sync_points=pairs, bpm_hint=120)
    refused = client.post(SYNC, json=body)
    assert status_and_code(refused) == (422, "STRETCH_TOO_LARGE")
    assert refused.json()["error"]["details"]["shot"] == 1
    assert require_plan(client, SYNC, body | {"most_ratio": 1.5})["plan"]["shots"][0]["ratio"] > 1.25


def test_scenes_are_cut_on_beats_and_the_total_is_exact(client: TestClient, theme: Path) -> None:
    lengths = [3.1, 2.2, 4.4, 2.6]
    scenes = [{"duration": length} for length in lengths]
    plan = require_plan(client, CUTS, {"audio_path": str(theme), "target_fps": 24, "scenes": scenes, "bpm_hint": 120})[
        "plan"
    ]
    assert plan["frames"] == round(sum(lengths) * 24)
    assert [cut["event"] for cut in plan["cut_list"]] == ["scene 1", "scene 2", "scene 3", "scene 4"]
    in_track = [cut["at_s"] + plan["offset_s"] for cut in plan["cut_list"]]
    assert all(abs(time - round(time / 0.5) * 0.5) < 0.035 for time in in_track)
    assert all(0.8 <= shot["ratio"] <= 1.25 for shot in plan["shots"])


def test_only_existing_files_with_beats_inside_the_folders_are_accepted(
    client: TestClient, theme: Path, settings: Settings, tmp_path: Path
) -> None:
    outside_file = write_wav(tmp_path / "stray.wav", even_click_track(120, 3))
    assert status_and_code(client.post(SYNC, json=sync_request(outside_file))) == (422, "VALIDATION_ERROR")
    assert status_and_code(client.post(SYNC, json=sync_request(settings.media / "absent.wav"))) == (404, "NOT_FOUND")
    silence = write_wav(settings.media / "silence.wav", np.zeros(44_100 * 8))
    assert status_and_code(client.post(SYNC, json=sync_request(silence))) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("video_duration", 0),
        ("target_fps", 0),
        ("sync_points", [{"audio_time": 1.0, "video_frame": 500}]),
        ("sync_points", [{"audio_time": 3.0, "video_frame": 0}, {"audio_time": 1.0, "video_frame": 60}]),
        ("sync_points", [{"audio_time": 0.1, "video_frame": 60}]),
        ("sync_points", [{"audio_time": 99.0, "video_frame": 60}]),
    ],
)
def test_odd_values_are_refused(client: TestClient, theme: Path, field: str, value: object) -> None:
    assert status_and_code(client.post(SYNC, json=sync_request(theme) | {field: value})) == (422, "VALIDATION_ERROR")
