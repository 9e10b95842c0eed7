"""Batches over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.workers import Worker
from tests.api.api_factories import create_project, create_scene, read_all_pages, require_success
from tests.api.api_requests import API_ROOT, status_and_code


def plan(client: TestClient, project_id: int) -> int:
    scene = create_scene(client, project_id)["id"]
    body = {"project_id": project_id, "scene_id": scene, "start_at": datetime.now(UTC).isoformat()}
    body |= {"parameters": {"engine": "animatic"}}
    return int(require_success(client.post(f"{API_ROOT}/schedule", json=body), 201)["id"])


def test_a_batch_is_started_by_hand_listed_and_shown(client: TestClient, sessions: SessionFactory) -> None:
    nothing = require_success(client.post(f"{API_ROOT}/batches"), 201)
    assert nothing == {"batch_id": None, "started": [], "postponed": []}
    with sessions.begin() as session:
        session.add(Worker(name="gpu@box", host="box", slots=1, engine="animatic"))
    project_id = create_project(client)
    entry_id = plan(client, project_id)
    started = require_success(client.post(f"{API_ROOT}/batches"), 201)
    assert started["started"] == [entry_id]
    shown = require_success(client.get(f"{API_ROOT}/batches/{started['batch_id']}"))
    assert (shown["state"], shown["opens_at"], shown["gpu_seconds"], shown["saved_seconds"]) == ("running", None, 0, 0)
    [entry] = shown["entries"]
    assert (entry["schedule_id"], entry["title"], entry["outcome"]) == (entry_id, "Scene 1 of main", "running")
    assert [(scene["scene_number"], scene["outcome"]) for scene in entry["scenes"]] == [(1, "running")]
    [listed] = read_all_pages(client, "batches", project_id=project_id, state="running")
    assert listed == {name: value for name, value in shown.items() if name != "entries"}
    assert read_all_pages(client, "batches", state="ended") == []
    assert read_all_pages(client, "batches", project_id=create_project(client)) == []


def test_a_batch_without_a_worker_says_why_nothing_started(client: TestClient) -> None:
    entry_id = plan(client, create_project(client))
    started = require_success(client.post(f"{API_ROOT}/batches"), 201)
    assert (started["started"], started["postponed"]) == ([], [entry_id])
    [entry] = require_success(client.get(f"{API_ROOT}/batches/{started['batch_id']}"))["entries"]
    assert (entry["outcome"], "no gpu worker" in entry["reason"]) == ("postponed", True)
    waiting = require_success(client.get(f"{API_ROOT}/schedule/{entry_id}"))
    assert waiting["waiting_reason"].startswith("postponed until ")


def test_an_unknown_batch_or_project_is_not_found(client: TestClient) -> None:
    assert status_and_code(client.get(f"{API_ROOT}/batches/999999999")) == (404, "NOT_FOUND")
    assert status_and_code(client.get(f"{API_ROOT}/batches", params={"project_id": 999999999})) == (404, "NOT_FOUND")
