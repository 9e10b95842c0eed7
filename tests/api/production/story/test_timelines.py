"""The timeline of a story and its facts over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import (
    create_branch,
    create_character,
    create_project,
    create_scene,
    read_all_pages,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code


def create_event(client: TestClient, project_id: int, title: str, **fields: Any) -> Any:
    return require_success(
        client.post(f"{API_ROOT}/timeline", json={"project_id": project_id, "title": title, **fields}), 201
    )


def create_fact(client: TestClient, event_id: int, statement: str, **fields: Any) -> Any:
    body = {"event_id": event_id, "kind": "object", "subject": "the seal", "statement": statement, **fields}
    return require_success(client.post(f"{API_ROOT}/context", json=body), 201)


def titles(client: TestClient, project_id: int, **query: Any) -> list[str]:
    rows = read_all_pages(client, "timeline", project_id=project_id, limit=2, **query)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["title"] for row in rows]


def test_events_are_inserted_moved_and_removed(client: TestClient) -> None:
    project_id = create_project(client)
    create_character(client, project_id)
    village = create_scene(client, project_id)
    created = create_event(
        client, project_id, "b", scene_id=village["id"], characters=["kai nakamura"], story_time="冬"
    )
    again = client.put(f"{API_ROOT}/timeline/{created['id']}", json={"scene_key": created["scene_key"]})
    assert require_success(again)["scene_key"] == created["scene_key"]
    assert (created["scene_key"], created["characters"], created["story_time"]) == (
        village["key"],
        ["Kai Nakamura"],
        "冬",
    )
    create_event(client, project_id, "c")
    first = create_event(client, project_id, "a", position=1)
    create_event(client, project_id, "d", position=99)
    assert titles(client, project_id) == ["a", "b", "c", "d"]
    moved = require_success(
        client.put(f"{API_ROOT}/timeline/{first['id']}", json={"position": 3, "description": "later"})
    )
    assert (moved["position"], moved["description"], moved["title"]) == (3, "later", "a")
    assert titles(client, project_id) == ["b", "c", "a", "d"]
    require_success(client.delete(f"{API_ROOT}/timeline/{first['id']}"))
    assert titles(client, project_id) == ["b", "c", "d"]
    assert status_and_code(client.delete(f"{API_ROOT}/timeline/{first['id']}")) == (404, "NOT_FOUND")
    require_success(client.delete(f"{API_ROOT}/scenes/{village['id']}"))
    assert read_all_pages(client, "timeline", project_id=project_id)[0]["scene_key"] is None


def test_context_lists_the_facts_true_at_an_event(client: TestClient) -> None:
    project_id = create_project(client)
    ids = [create_event(client, project_id, title)["id"] for title in "abc"]
    whole = create_fact(client, ids[0], "The seal is whole.", until_event_id=ids[1], prompt_terms={"positive": "seal"})
    broken = create_fact(client, ids[1], "The seal is broken.")

    def at(number: int) -> list[str]:
        rows = read_all_pages(client, "context", project_id=project_id, event_id=ids[number])
        return [row["statement"] for row in rows]

    assert (at(0), at(1), at(2)) == (["The seal is whole."], ["The seal is broken."], ["The seal is broken."])
    assert read_all_pages(client, "context", project_id=project_id, limit=1) == [whole, broken]
    changed = require_success(client.put(f"{API_ROOT}/context/{broken['id']}", json={"until_event_id": ids[2]}))
    assert (changed["until_event_key"] is not None, changed["statement"]) == (True, "The seal is broken.")
    assert at(2) == []
    require_success(client.delete(f"{API_ROOT}/context/{broken['id']}"))
    assert at(1) == []
    assert status_and_code(client.delete(f"{API_ROOT}/context/{broken['id']}")) == (404, "NOT_FOUND")
    require_success(client.delete(f"{API_ROOT}/timeline/{ids[0]}"))
    assert read_all_pages(client, "context", project_id=project_id) == []


def test_a_new_branch_gets_its_own_copy_of_the_timeline(client: TestClient) -> None:
    project_id = create_project(client)
    first = create_event(client, project_id, "a")
    create_branch(client, project_id)
    create_event(client, project_id, "b", branch="experimental_ending")
    assert titles(client, project_id) == ["a"]
    assert titles(client, project_id, branch="experimental_ending") == ["a", "b"]
    query = {"project_id": project_id, "branch": "experimental_ending", "event_id": first["id"]}
    assert status_and_code(client.get(f"{API_ROOT}/context", params=query)) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"title": ""}, 422),
        ({"position": 0}, 422),
        ({"characters": ["Nobody"]}, 422),
        ({"scene_id": 999999999}, 422),
        ({"project_id": 999999999}, 404),
        ({"branch_name": "no-such"}, 404),
    ],
)
def test_bad_event_is_refused(client: TestClient, fields: dict[str, Any], status: int) -> None:
    body = {"project_id": create_project(client), "title": "x", **fields}
    assert status_and_code(client.post(f"{API_ROOT}/timeline", json=body))[0] == status


def test_a_deleted_project_has_no_timeline(client: TestClient) -> None:
    project_id = create_project(client)
    first = create_event(client, project_id, "a")
    stated = create_fact(client, first["id"], "It rains.")
    require_success(client.delete(f"{API_ROOT}/projects/{project_id}"))
    assert status_and_code(client.put(f"{API_ROOT}/timeline/{first['id']}", json={})) == (404, "NOT_FOUND")
    assert status_and_code(client.put(f"{API_ROOT}/context/{stated['id']}", json={})) == (404, "NOT_FOUND")
