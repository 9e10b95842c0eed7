"""Projects over HTTP: as documented, in pages, deleted and restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.projects import Project
from tests.api.api_factories import create_project, read_all_pages, require_success
from tests.api.api_requests import API_ROOT, status_and_code

FORM = {
    "name": "My Anime Project",
    "description": "Epic fantasy adventure",
    "metadata": {"genre": "fantasy", "target_length": "12_episodes"},
}


@pytest.mark.parametrize("form", [FORM, {"name": "My Anime Project", "description": "Test project"}])
def test_a_documented_project_is_created_as_a_draft(client: TestClient, form: dict[str, object]) -> None:
    answer = client.post(f"{API_ROOT}/projects", json=form)
    created = require_success(answer, 201)
    assert {name: created[name] for name in form} == form
    assert (created["status"], type(created["id"]), created["deleted_at"]) == ("draft", int, None)
    fetched = client.get(answer.headers["Location"])
    assert require_success(fetched) == created
    assert fetched.headers["ETag"] == answer.headers["ETag"]


def test_patch_changes_only_the_given_fields(client: TestClient) -> None:
    created = require_success(client.post(f"{API_ROOT}/projects", json=FORM), 201)
    url = f"{API_ROOT}/projects/{created['id']}"
    changed = require_success(client.patch(url, json={"description": "Updated description"}))
    assert changed == created | {"description": "Updated description", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > created["updated_at"]
    settings = {"series_name": "Neon", "fps": 30, "width": 1280, "height": 720, "default_style": "cinematic"}
    assert require_success(client.patch(url, json={"settings": settings}))["settings"].items() >= settings.items()
    after = require_success(client.patch(url, json={"status": "archived", "metadata": {}, "settings": {"fps": None}}))
    assert (after["status"], after["metadata"], after["settings"]["fps"]) == ("archived", {}, None)
    assert after["settings"]["width"] == 1280


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": 7}, "id"),
        ({"deleted_at": None}, "deleted_at"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"status": "lost"}, "status"),
        ({"settings": {"fps": 0}}, "settings.fps"),
        ({"settings": {"default_style": "unheard-of"}}, "style"),
    ],
)
def test_patch_refuses_invalid_values(client: TestClient, body: dict[str, object], field: str) -> None:
    url = f"{API_ROOT}/projects/{create_project(client)}"
    before = require_success(client.get(url))
    answer = client.patch(url, json=body)
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == field
    assert require_success(client.get(url)) == before


def test_list_comes_in_pages_and_is_narrowed(client: TestClient) -> None:
    ids = [create_project(client, name=f"夜の街 {number}") for number in range(5)]
    create_project(client, name="100% other")
    require_success(client.patch(f"{API_ROOT}/projects/{ids[1]}", json={"status": "completed"}))
    assert [row["id"] for row in read_all_pages(client, "projects", limit=2, name="夜の街")] == ids
    assert [row["id"] for row in read_all_pages(client, "projects", status="completed")] == [ids[1]]
    assert [row["name"] for row in read_all_pages(client, "projects", name="0% O")] == ["100% other"]


def test_a_deleted_project_and_its_content_are_not_found_until_restored(
    client: TestClient, sessions: SessionFactory
) -> None:
    project_id = create_project(client)
    url = f"{API_ROOT}/projects/{project_id}"
    before = require_success(client.get(url))
    deleted = require_success(client.delete(url))
    deleted_at = datetime.fromisoformat(deleted["deleted_at"])
    assert datetime.fromisoformat(deleted["restorable_until"]) - deleted_at == timedelta(days=30)
    for path in (url, f"{API_ROOT}/characters?project_id={project_id}", f"{url}/bible"):
        assert status_and_code(client.get(path)) == (404, "NOT_FOUND")
    assert status_and_code(client.delete(url)) == (404, "NOT_FOUND")
    assert read_all_pages(client, "projects") == []
    assert [row["id"] for row in read_all_pages(client, "projects", deleted=True)] == [project_id]
    restored = require_success(client.post(deleted["restore_url"]))
    assert restored | {"updated_at": None} == before | {"updated_at": None}
    assert require_success(client.post(deleted["restore_url"])) == restored
    with sessions.begin() as session:
        session.get_one(Project, project_id).deleted_at = datetime.now(UTC) - timedelta(days=31)
    assert status_and_code(client.post(deleted["restore_url"])) == (404, "NOT_FOUND")


def test_lost_update_is_refused(client: TestClient) -> None:
    url = f"{API_ROOT}/projects/{create_project(client)}"
    read = client.get(url).headers["ETag"]
    first = client.patch(url, json={"description": "one"}, headers={"If-Match": read})
    assert require_success(first)["description"] == "one"
    second = client.patch(url, json={"description": "two"}, headers={"If-Match": read})
    assert status_and_code(second) == (412, "PRECONDITION_FAILED")
    assert second.json()["error"]["details"]["etag"] == first.headers["ETag"]
    assert require_success(client.get(url))["description"] == "one"
    require_success(
        client.patch(url, json={"description": "three"}, headers={"If-Match": f'"x", {first.headers["ETag"]}'})
    )
    require_success(client.patch(url, json={"description": "four"}, headers={"If-Match": "*"}))


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_project_is_not_found(client: TestClient, method: str) -> None:
    body: dict[str, str] | None = {} if method == "PATCH" else None
    assert status_and_code(client.request(method, f"{API_ROOT}/projects/999999999", json=body)) == (404, "NOT_FOUND")
    assert status_and_code(client.request(method, f"{API_ROOT}/projects/0", json=body)) == (422, "VALIDATION_ERROR")
