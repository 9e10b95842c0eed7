"""Preferences and the production schedule over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import Sessions
from db.models.schedule import ProductionSchedule, ScheduleState
from tests.api.api_factories import branch, good, pages, project, scene
from tests.api.api_requests import A, code_of

MOOD = {"kind": "mood", "name": "melancholic", "preference": {"style": "cinematic", "bpm_min": 60}}


def test_preference_is_set_replaced_and_forgotten(client: TestClient) -> None:
    made = good(client.put(f"{A}/preferences", json=MOOD))
    assert made.items() >= (MOOD | {"source": "set", "user_name": "local", "project_id": None}).items()
    again = good(client.put(f"{A}/preferences", json=MOOD | {"preference": {"style": "anime"}}))
    assert (again["id"], again["preference"]) == (made["id"], {"style": "anime"})
    project_id = project(client)
    own = good(client.put(f"{A}/preferences", json=MOOD | {"project_id": project_id}))
    assert pages(client, "preferences", limit=1) == [again, own]
    assert pages(client, "preferences", project_id=project_id) == [own]
    assert pages(client, "preferences", kind="camera") == []
    good(client.delete(f"{A}/preferences/{made['id']}"))
    assert code_of(client.delete(f"{A}/preferences/{made['id']}")) == (404, "NOT_FOUND")
    assert code_of(client.put(f"{A}/preferences", json=MOOD | {"project_id": 999999999})) == (404, "NOT_FOUND")


def plan(client: TestClient, project_id: int, **fields: Any) -> Any:
    body = {"project_id": project_id, "start_at": "2027-11-05T22:00:00+09:00", **fields}
    return good(client.post(f"{A}/schedule", json=body), 201)


def test_render_is_planned_moved_and_taken_back(client: TestClient) -> None:
    project_id = project(client)
    village = scene(client, project_id)
    made = plan(client, project_id, scene_id=village["id"], priority=2)
    assert (made["state"], made["scene_key"], made["start_at"]) == ("planned", village["key"], "2027-11-05T13:00:00Z")
    url = f"{A}/schedule/{made['id']}"
    read = client.get(url).headers["ETag"]
    moved = good(client.patch(url, json={"priority": 1}, headers={"If-Match": read}))
    assert moved | {"updated_at": None} == made | {"priority": 1, "updated_at": None}
    assert code_of(client.patch(url, json={}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    early = client.patch(url, json={"due_at": "2027-11-05T12:00:00Z"})
    assert code_of(early) == (422, "VALIDATION_ERROR")
    back = good(client.delete(url))
    assert back["state"] == "cancelled"
    assert good(client.delete(url)) == back
    assert code_of(client.patch(url, json={"priority": 3})) == (409, "CONFLICT")
    assert pages(client, "schedule", project_id=project_id, state="cancelled") == [back]


def test_plan_that_was_started_is_left_alone(client: TestClient, sessions: Sessions) -> None:
    made = plan(client, project(client))
    with sessions.begin() as session:
        session.get_one(ProductionSchedule, made["id"]).state = ScheduleState.STARTED
    assert code_of(client.delete(f"{A}/schedule/{made['id']}")) == (409, "CONFLICT")


def test_plans_of_a_project_in_the_bin_are_gone(client: TestClient) -> None:
    project_id = project(client)
    made = plan(client, project_id)
    good(client.delete(f"{A}/projects/{project_id}"))
    assert code_of(client.get(f"{A}/schedule/{made['id']}")) == (404, "NOT_FOUND")
    assert code_of(client.get(f"{A}/schedule", params={"project_id": project_id})) == (404, "NOT_FOUND")


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
    ],
)
def test_plan_that_cannot_be_is_refused(client: TestClient, fields: dict[str, Any], status: int) -> None:
    body = {"project_id": project(client), "start_at": "2027-11-05T22:00:00Z", **fields}
    assert code_of(client.post(f"{A}/schedule", json=body))[0] == status


def test_scene_of_another_project_or_branch_is_not_planned(client: TestClient) -> None:
    mine, other = project(client), project(client)
    stranger = scene(client, other)
    body = {"project_id": mine, "scene_id": stranger["id"], "start_at": "2027-11-05T22:00:00Z"}
    assert code_of(client.post(f"{A}/schedule", json=body)) == (404, "NOT_FOUND")
    branch(client, other)
    body = body | {"project_id": other, "branch": "experimental_ending"}
    assert code_of(client.post(f"{A}/schedule", json=body)) == (404, "NOT_FOUND")
