"""The film of an episode over HTTP: asked for once, shown while it is made, and its failure with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import update

from db.engine import SessionFactory
from db.models.jobs import JobStatus, ProductionJob
from tests.api.api_factories import require_success
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.episodes.test_staleness import build_episode
from tower.jobs import lifecycle


def set_job(sessions: SessionFactory, job_id: int, **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(ProductionJob).where(ProductionJob.id == job_id).values(**values))


def test_a_film_is_asked_for_once(episodes: TestClient, sessions: SessionFactory, tmp_path: Path) -> None:
    url, village = build_episode(sessions, tmp_path, takes=True)
    key = {"Idempotency-Key": "film-1"}
    started = require_success(episodes.post(f"{url}/assemble", json={}, headers=key), 202)
    assert (started["job_type"], started["status"], started["render"]) == ("episode_assembly", "processing", "none")
    assert (started["opened_jobs"], started["joined_jobs"], started["reused_scenes"]) == ([], [], 3)
    assert started["project_id"] == village.stage.story.project_id
    again = episodes.post(f"{url}/assemble", json={}, headers=key)
    assert (again.json(), again.headers["Idempotent-Replay"]) == (started, "true")
    refused = episodes.post(f"{url}/render", json={})
    assert status_and_code(refused) == (409, "CONFLICT")
    assert refused.json()["error"]["details"]["job_id"] == started["job_id"]
    assert status_and_code(episodes.post(f"{url}/assemble", json={"render": "all"})) == (422, "VALIDATION_ERROR")


def test_publishing_opens_the_job_of_a_film_that_is_published(
    episodes: TestClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=True)
    started = require_success(episodes.post(f"{url}/publish", json={"render": "stale"}), 202)
    assert (started["job_type"], started["render"], started["reused_scenes"]) == ("episode_assembly", "stale", 3)
    with sessions() as session:
        assert session.get_one(ProductionJob, started["job_id"]).parameters["publish"] is True
    assert status_and_code(episodes.post(f"{url}/publish", json={"publish": False})) == (422, "VALIDATION_ERROR")


def test_scenes_without_a_take_are_rendered_only_if_asked(
    episodes: TestClient, sessions: SessionFactory, tmp_path: Path
) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=False)
    assert status_and_code(episodes.post(f"{url}/assemble", json={})) == (409, "EPISODE_INCOMPLETE")
    started = require_success(episodes.post(f"{url}/render", json={"quality": "low"}), 202)
    assert (len(started["opened_jobs"]), started["reused_scenes"]) == (3, 0)
    film = require_success(episodes.get(url))["film"]
    assert (film["state"], film["job"]["step"]) == ("missing", "waiting for 3 of 3 renders")
    with sessions() as session:
        assert session.get_one(ProductionJob, started["opened_jobs"][0]).parameters["quality"] == "low"


def test_an_episode_shows_the_job_of_its_film(episodes: TestClient, sessions: SessionFactory, tmp_path: Path) -> None:
    url, _ = build_episode(sessions, tmp_path, takes=True)
    job_id = require_success(episodes.post(f"{url}/assemble", json={}), 202)["job_id"]
    read = episodes.get(url)
    assert (read.json()["status"], read.json()["film"]["job"]["job_id"]) == ("processing", job_id)
    assert [row["id"] for row in episodes.get(f"{API_ROOT}/episodes?status=processing").json()] == [read.json()["id"]]
    assert status_and_code(episodes.get(f"{url}/video")) == (404, "VIDEO_NOT_READY")

    set_job(sessions, job_id, progress=0.5, step="assembling 9 s of film")
    changed = episodes.get(url, headers={"If-None-Match": read.headers["ETag"]})
    assert (changed.status_code, changed.json()["film"]["job"]["progress"]) == (200, 0.5)
    edit = episodes.put(url, json={"title": "Rain again"}, headers={"If-Match": read.headers["ETag"]})
    assert require_success(edit)["status"] == "processing"

    set_job(sessions, job_id, status=JobStatus.FAILED, error_code="SCENE_NOT_RENDERED", error_message="Scene 2 broke")
    failed = require_success(episodes.get(url))
    assert (failed["status"], failed["film"]["job"]["error"]["message"]) == ("failed", "Scene 2 broke")
    assert [row["status"] for row in episodes.get(f"{API_ROOT}/episodes?status=failed").json()] == ["failed"]
    assert episodes.get(f"{url}/video").json()["error"]["message"] == "Episode 1 has no film: Scene 2 broke"
    with sessions.begin() as session:
        lifecycle.retry_job(session, job_id)
        lifecycle.cancel_job(session, job_id)
    assert require_success(episodes.get(url))["status"] == "draft"
