"""Preferences and the production schedule over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.schedule import ProductionSchedule, ScheduleState
from tests.api.api_factories import create_branch, create_project, create_scene, read_all_pages, require_success
from tests.api.api_requests import API_ROOT, status_and_code

MOOD = {"kind": "mood", "name": "melancholic", "preference": {"style": "cinematic", "bpm_min": 60}}


def test_a_preference_is_set_replaced_and_deleted(client: TestClient) -> None:
    created = require_success(client.put(f"{API_ROOT}/preferences", json=MOOD))
    assert created.items() >= (MOOD | {"source": "set", "user_name": "local", "project_id": None}).items()
    replaced = require_success(client.put(f"{API_ROOT}/preferences", json=MOOD | {"preference": {"style": "anime"}}))
    assert (replaced["id"], replaced["preference"]) == (created["id"], {"style": "anime"})
    project_id = create_project(client)
    project_preference = require_success(client.put(f"{API_ROOT}/preferences", json=MOOD | {"project_id": project_id}))
    assert read_all_pages(client, "preferences", limit=1) == [replaced, project_preference]
    assert read_all_pages(client, "preferences", project_id=project_id) == [project_preference]
    assert read_all_pages(client, "preferences", kind="camera") == []
    require_success(client.delete(f"{API_ROOT}/preferences/{created['id']}"))
    assert status_and_code(client.delete(f"{API_ROOT}/preferences/{created['id']}")) == (404, "NOT_FOUND")
    assert status_and_code(client.put(f"{API_ROOT}/preferences", json=MOOD | {"project_id": 999999999})) == (
        404,
        "NOT_FOUND",
    )


def plan_render(client: TestClient, project_id: int, **fields: Any) -> Any:
    body = {"project_id": project_id, "start_at": "2027-11-05T22:00:00+09:00", **fields}
    return require_success(client.post(f"{API_ROOT}/schedule", json=body), 201)


def test_a_render_is_planned_moved_and_deleted(client: TestClient) -> None:
    project_id = create_project(client)
    village = create_scene(client, project_id)
    planned = plan_render(client, project_id, scene_id=village["id"], priority=2)
    assert (planned["state"], planned["scene_key"], planned["start_at"]) == (
        "planned",
        village["key"],
        "2027-11-05T13:00:00Z",
    )
    url = f"{API_ROOT}/schedule/{planned['id']}"
    read = client.get(url).headers["ETag"]
    moved = require_success(client.patch(url, json={"priority": 1}, headers={"If-Match": read}))
    assert moved | {"updated_at": None} == planned | {"priority": 1, "updated_at": None}
    assert status_and_code(client.patch(url, json={}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    early = client.patch(url, json={"due_at": "2027-11-05T12:00:00Z"})
    assert status_and_code(early) == (422, "VALIDATION_ERROR")
    back = require_success(client.delete(url))
    assert back["state"] == "cancelled"
    assert require_success(client.delete(url)) == back
    assert status_and_code(client.patch(url, json={"priority": 3})) == (409, "CONFLICT")
    assert read_all_pages(client, "schedule", project_id=project_id, state="cancelled") == [back]


def test_a_started_plan_cannot_be_deleted(client: TestClient, sessions: SessionFactory) -> None:
    planned = plan_render(client, create_project(client))
    with sessions.begin() as session:
        session.get_one(ProductionSchedule, planned["id"]).state = ScheduleState.STARTED
    assert status_and_code(client.delete(f"{API_ROOT}/schedule/{planned['id']}")) == (409, "CONFLICT")


def test_plans_of_a_deleted_project_are_not_found(client: TestClient) -> None:
    project_id = create_project(client)
    planned = plan_render(client, project_id)
    require_success(client.delete(f"{API_ROOT}/projects/{project_id}"))
    assert status_and_code(client.get(f"{API_ROOT}/schedule/{planned['id']}")) == (404, "NOT_FOUND")
    assert status_and_code(client.get(f"{API_ROOT}/schedule", params={"project_id": project_id})) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"scene_id": 999999999}, 404),
        ({"episode_id": "2f4c6a0e-7d39-4c53-9ae4-1f6d1de6a1c1"}, 404),
        ({"branch": "no-such"}, 404),
        ({"start_at": "2027-11-05T22:00:00"}, 422),
        ({"due_at": "2026-01-01T00:00:00Z"}, 422),
        ({"scene_id": 1, "episode_id": "2f4c6a0e-7d39-4c53-9ae4-1f6d1de6a1c1"}, 422),
        ({"job_type": "magic"}, 422),
        ({"job_type": "fast_video_generation"}, 422),
        ({"parameters": {"colour": "red"}}, 422),
        ({"parameters": {"quality": "no-such"}}, 422),
        ({"parameters": {"style": "anime"}}, 422),
    ],
)
def test_an_invalid_plan_is_refused(client: TestClient, fields: dict[str, Any], status: int) -> None:
    body = {"project_id": create_project(client), "start_at": "2027-11-05T22:00:00Z", **fields}
    assert status_and_code(client.post(f"{API_ROOT}/schedule", json=body))[0] == status


def test_what_a_planned_scene_is_rendered_with_exists(client: TestClient) -> None:
    project_id = create_project(client)
    scene = create_scene(client, project_id)["id"]
    body = {"project_id": project_id, "scene_id": scene, "start_at": "2027-11-05T22:00:00Z"}
    for parameters, refusal in (
        ({"style": "no-such"}, (422, "VALIDATION_ERROR")),
        ({"workflow": "no-such"}, (404, "NOT_FOUND")),
    ):
        assert status_and_code(client.post(f"{API_ROOT}/schedule", json=body | {"parameters": parameters})) == refusal
    planned = plan_render(client, project_id, scene_id=scene, parameters={"style": "anime", "duration_seconds": 2})
    assert planned["parameters"] == {"style": "anime", "duration": 2}
    url = f"{API_ROOT}/schedule/{planned['id']}"
    changed = client.patch(url, json={"parameters": {"workflow": "no-such"}})
    assert status_and_code(changed) == (404, "NOT_FOUND")
    assert require_success(client.get(url))["parameters"] == planned["parameters"]


def test_scene_of_another_project_or_branch_is_not_planned(client: TestClient) -> None:
    mine, other = create_project(client), create_project(client)
    foreign_scene = create_scene(client, other)
    body = {"project_id": mine, "scene_id": foreign_scene["id"], "start_at": "2027-11-05T22:00:00Z"}
    assert status_and_code(client.post(f"{API_ROOT}/schedule", json=body)) == (404, "NOT_FOUND")
    create_branch(client, other)
    body = body | {"project_id": other, "branch": "experimental_ending"}
    assert status_and_code(client.post(f"{API_ROOT}/schedule", json=body)) == (404, "NOT_FOUND")
