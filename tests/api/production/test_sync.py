"""The music of a scene over HTTP: added, planned, read, refused, removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.library import Track
from db.models.music import MusicSceneSync
from db.models.rendering import Asset, AssetKind
from db.models.scenes import Scene
from tests.api.api_factories import create_branch, create_project, create_scene, require_success
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.small_servers import reserve_refusing_address
from tests.tower.beats.sounds import click_track, even_click_track, write_wav
from tower.settings import Settings

POINTS = [{"time": 0.0, "event": "scene_start"}, {"time": 2.5, "event": "character_entrance"}]


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "media"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def client(api_database_url: str, media: Path) -> Iterator[TestClient]:
    with reserve_refusing_address() as prefect:
        settings = Settings(
            database_url=api_database_url, prefect_api_url=f"{prefect}/api", data_dir=media.parent, engine="animatic"
        )
        with TestClient(create_app(settings)) as client:
            yield client


@pytest.fixture
def theme(media: Path) -> Path:
    return write_wav(media / "theme.wav", even_click_track(120, 12))


@pytest.fixture
def url(client: TestClient) -> str:
    return f"{API_ROOT}/scenes/{create_scene(client, create_project(client), duration_seconds=5.0)['id']}/audio"


def give_music(client: TestClient, url: str, path: Path, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = require_success(
        client.post(url, json={"audio_path": str(path), "sync_points": POINTS, **more}), 201
    )
    return body


def test_the_documented_request_returns_a_plan(client: TestClient, url: str, theme: Path) -> None:
    answer = give_music(client, url, theme, bpm=120)
    audio, plan = answer["audio"], answer["plan"]
    assert (audio["bpm"], audio["confidence"], audio["sync_points"]) == (120, None, POINTS)
    assert answer["beats_from"] == "bpm_from_first_beat"
    assert [cut["event"] for cut in plan["cut_list"]] == ["scene_start", "character_entrance"]
    assert [cut["at_s"] for cut in plan["cut_list"]] == [0, 2.5]
    assert [shot["ratio"] for shot in plan["shots"]] == [1, 1]
    assert plan["predicted_error"]["worst_ms"] < 12
    assert (plan["frames"], plan["duration_s"], answer["length_from"]) == (120, 5, "scene")
    assert require_success(client.get(url)) == audio
    assert audio["measured_error_ms"] is None


def test_without_bpm_the_cuts_follow_the_analysed_beats(client: TestClient, url: str, media: Path) -> None:
    times = np.cumsum([0.3] + [0.6 - 0.005 * number for number in range(22)])
    path = write_wav(media / "faster.wav", click_track(times, 13))
    plan = give_music(client, url, path, timing="vfr")
    assert plan["beats_from"] == "analysed"
    assert plan["audio"]["confidence"] is not None
    [start, entrance] = plan["plan"]["cut_list"]
    assert start["beat_s"] == pytest.approx(0.3, abs=0.03)
    assert min(abs(entrance["beat_s"] - time) for time in times) < 0.03
    assert plan["plan"]["predicted_error"]["worst_ms"] == pytest.approx(0, abs=0.01)
    assert sum(shot["frames"] for shot in plan["plan"]["shots"]) == 120


def test_a_given_tempo_that_drifts_from_the_music_is_reported(client: TestClient, url: str, media: Path) -> None:
    path = write_wav(media / "slow.wav", even_click_track(113, 14))
    warnings = give_music(client, url, path, bpm=120)["plan"]["warnings"]
    assert any("without bpm the cuts follow the detected beats" in warning for warning in warnings)


def test_silence_is_cut_by_a_given_tempo_only(client: TestClient, url: str, media: Path) -> None:
    path = write_wav(media / "silence.wav", np.zeros(44_100 * 12))
    plan = give_music(client, url, path, bpm=120, offset_s=1.0)
    assert plan["beats_from"] == "bpm_from_offset"
    refused = client.post(url, json={"audio_path": str(path), "sync_points": POINTS})
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"] == "bpm"


def test_the_file_becomes_a_track_and_a_request_can_name_it(
    client: TestClient, url: str, theme: Path, sessions: SessionFactory
) -> None:
    first = give_music(client, url, theme)["audio"]
    with sessions() as session:
        assert session.get_one(Track, first["track_id"]).title == first["track_name"] == "theme"
    repeated = require_success(client.post(url, json={"track_id": first["track_id"], "offset": 1.0}), 201)["audio"]
    assert (repeated["audio_path"], repeated["offset_s"], repeated["audio_sha256"]) == (
        str(theme),
        1,
        first["audio_sha256"],
    )
    assert status_and_code(client.post(url, json={"track_id": 999_999})) == (404, "NOT_FOUND")
    both = client.post(url, json={"track_id": first["track_id"], "audio_path": str(theme)})
    assert status_and_code(both) == (422, "VALIDATION_ERROR")
    assert status_and_code(client.post(url, json={})) == (422, "VALIDATION_ERROR")


def test_the_newest_music_applies_and_all_of_it_can_be_removed(
    client: TestClient, url: str, theme: Path, sessions: SessionFactory
) -> None:
    assert status_and_code(client.get(url)) == (404, "NO_AUDIO")
    give_music(client, url, theme)
    assert give_music(client, url, theme, volume=0.5, fade_in_s=1.0, fade_out_s=2.0)["audio"]["volume"] == 0.5
    stored = require_success(client.get(url))
    assert (stored["volume"], stored["fade_in_s"], stored["fade_out_s"]) == (0.5, 1, 2)
    assert require_success(client.delete(url))["removed"] == 2
    assert status_and_code(client.get(url)) == (404, "NO_AUDIO")
    assert status_and_code(client.delete(url)) == (404, "NO_AUDIO")
    with sessions() as session:
        assert session.query(MusicSceneSync).count() == 0


def test_absurd_stretches_are_refused_and_change_nothing(client: TestClient, url: str, theme: Path) -> None:
    points = [{"time": 0.0}, {"time": 0.1, "event": "blink"}]
    refused = client.post(url, json={"audio_path": str(theme), "sync_points": points})
    assert status_and_code(refused) == (422, "STRETCH_TOO_LARGE")
    error = refused.json()["error"]
    assert "Shot 1 of 2 (0.08 s)" in error["message"]
    assert (error["details"]["least"], error["details"]["most"]) == (0.8, 1.25)
    beyond_end = client.post(url, json={"audio_path": str(theme), "sync_points": [{"time": 5.5}]})
    assert status_and_code(beyond_end) == (422, "VALIDATION_ERROR")
    assert beyond_end.json()["error"]["details"]["field"] == "sync_points.0"
    assert status_and_code(client.get(url)) == (404, "NO_AUDIO")


def test_a_scene_without_a_length_gets_an_assumed_one(client: TestClient, theme: Path) -> None:
    number = create_scene(client, create_project(client))["id"]
    plan = give_music(client, f"{API_ROOT}/scenes/{number}/audio", theme)
    assert plan["length_from"] == "assumed"
    assert plan["plan"]["duration_s"] == 5.5


def test_the_accepted_take_gives_the_length(client: TestClient, theme: Path, sessions: SessionFactory) -> None:
    number = create_scene(client, create_project(client), duration_seconds=5.0)["id"]
    with sessions.begin() as session:
        probe = {"frames": 132, "fps_exact": "24", "fps": 24.0}
        take = Asset(kind=AssetKind.VIDEO, path="/x.mp4", sha256="0" * 64, bytes=1, probe=probe, provenance={})
        session.add(take)
        session.flush()
        row = session.get_one(Scene, number)
        row.accepted_asset_id, row.accepted_fingerprint = take.id, "f" * 64
    plan = give_music(client, f"{API_ROOT}/scenes/{number}/audio", theme)
    assert (plan["plan"]["frames"], plan["length_from"]) == (132, "accepted_take")


def test_only_existing_files_inside_the_media_folders_are_accepted(
    client: TestClient, url: str, theme: Path, media: Path, tmp_path: Path
) -> None:
    outside_file = write_wav(tmp_path / "stray.wav", even_click_track(120, 3))
    (media / "link.wav").symlink_to(outside_file)
    for path in (str(outside_file), f"{media}/../../stray.wav", str(media / "link.wav"), "/etc/passwd"):
        assert status_and_code(client.post(url, json={"audio_path": path})) == (422, "VALIDATION_ERROR")
    assert status_and_code(client.post(url, json={"audio_path": str(media / "absent.wav")})) == (404, "NOT_FOUND")
    (media / "odd.mp3").write_bytes(b"no music")
    assert status_and_code(client.post(url, json={"audio_path": str(media / "odd.mp3")})) == (422, "MEDIA_UNREADABLE")
    assert status_and_code(client.post(f"{API_ROOT}/scenes/999999/audio", json={"audio_path": str(theme)})) == (
        404,
        "NOT_FOUND",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bpm", 10),
        ("volume", 1.5),
        ("offset_s", -1),
        ("offset_s", 13.0),
        ("timing", "fast"),
        ("fade_in_s", -0.1),
        ("sync_points", [{"time": -1}]),
        ("sync_points", [{"when": 1}]),
    ],
)
def test_odd_values_are_refused(client: TestClient, url: str, theme: Path, field: str, value: object) -> None:
    answer = client.post(url, json={"audio_path": str(theme), field: value})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")


def test_each_branch_has_its_own_music(client: TestClient, theme: Path) -> None:
    project_id = create_project(client)
    number = create_scene(client, project_id, duration_seconds=5.0)["id"]
    create_branch(client, project_id)
    url = f"{API_ROOT}/scenes/{number}/audio"
    on_branch = require_success(
        client.post(url, params={"branch": "experimental_ending"}, json={"audio_path": str(theme)}), 201
    )
    assert on_branch["audio"]["scene_id"] != number
    assert status_and_code(client.get(url)) == (404, "NO_AUDIO")
    assert require_success(client.get(url, params={"branch": "experimental_ending"})) == on_branch["audio"]
