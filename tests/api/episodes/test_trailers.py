"""The trailer of an episode over HTTP: asked for once, apart from its film, and sent by Range."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.jobs import JobStatus
from tests.api.api_factories import require_success
from tests.api.api_requests import status_and_code
from tests.api.episodes.test_films import set_job
from tests.api.episodes.test_staleness import build_episode


def test_a_trailer_is_asked_for_once_and_is_not_the_film(
    episodes: TestClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=True)
    assert status_and_code(episodes.get(f"{url}/trailer")) == (404, "NO_VIDEO")
    started = require_success(episodes.post(f"{url}/trailer", json={"seconds": 12}), 202)
    assert (started["job_type"], started["opened_jobs"]) == ("episode_assembly", [])
    assert started["video_url"].endswith("/trailer")
    refused = episodes.post(f"{url}/trailer", json={})
    assert status_and_code(refused) == (409, "CONFLICT")
    assert refused.json()["error"]["details"]["job_id"] == started["job_id"]
    assert status_and_code(episodes.get(f"{url}/trailer")) == (404, "VIDEO_NOT_READY")
    read = require_success(episodes.get(url))
    assert (read["status"], read["film"]["job"]) == ("draft", None)
    assert require_success(episodes.post(f"{url}/assemble", json={}), 202)["job_id"] != started["job_id"]

    file = tmp_path / "trailer.mp4"
    file.write_bytes(b"0123456789")
    set_job(sessions, started["job_id"], status=JobStatus.COMPLETED, output_path=str(file))
    assert episodes.get(f"{url}/trailer").content == b"0123456789"
    part = episodes.get(f"{url}/trailer", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


def test_a_bad_length_and_missing_takes_are_refused(
    episodes: TestClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=False)
    for seconds in (9.9, 90.1, "30"):
        answer = episodes.post(f"{url}/trailer", json={"seconds": seconds})
        assert status_and_code(answer) == (422, "VALIDATION_ERROR")
        assert answer.json()["error"]["details"]["field"] == "seconds"
    assert status_and_code(episodes.post(f"{url}/trailer", json={"quality": "low"})) == (422, "VALIDATION_ERROR")
    assert status_and_code(episodes.post(f"{url}/trailer", json={})) == (409, "EPISODE_INCOMPLETE")
