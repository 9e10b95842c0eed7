"""Bibles and their characters over HTTP: both documented forms, history, branches."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import (
    BIBLE,
    create_bible,
    create_branch,
    create_character,
    create_project,
    read_all_pages,
    require_edit,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code

SECOND = {
    "title": "Project Bible v1.0",
    "description": "Complete narrative guide",
    "content": {"world_building": "Fantasy realm with magic system", "character_arcs": {}, "plot_outline": []},
}
KAI = {
    "name": "Kai Nakamura",
    "description": "Cyberpunk detective",
    "visual_traits": {"hair": "black", "eyes": "augmented"},
    "personality_traits": {"determined": True},
}
KAI_AGAIN = {
    "name": "Kai Nakamura",
    "role": "protagonist",
    "personality": "determined, compassionate",
    "backstory": "Raised by the shrine",
    "visual_description": "black hair",
    "abilities": ["seal"],
}


@pytest.mark.parametrize("form", [BIBLE, SECOND])
def test_the_documented_bible_is_created(client: TestClient, form: dict[str, Any]) -> None:
    url = f"{API_ROOT}/projects/{create_project(client)}/bible"
    assert status_and_code(client.get(url)) == (404, "NOT_FOUND")
    created = require_edit(client.post(url, json=form), 201)
    assert created.items() >= form.items()
    assert require_success(client.get(url)) == created
    assert status_and_code(client.post(url, json=form)) == (409, "CONFLICT")


def test_put_replaces_the_whole_bible_and_history_keeps_it(client: TestClient) -> None:
    project_id = create_project(client)
    url = f"{API_ROOT}/projects/{project_id}/bible"
    assert status_and_code(client.put(url, json=BIBLE)) == (404, "NOT_FOUND")
    create_bible(client, project_id)
    replaced = require_success(client.put(url, json={**SECOND, "message": "Another world"}))
    assert replaced.items() >= (SECOND | {"visual_style": {}, "world_setting": {}}).items()
    changes = require_success(client.get(f"{url}/history"))
    assert [(change["part"], change["before"] is None) for change in changes] == [("bible", False), ("bible", True)]
    assert changes[0]["message"] == "Another world"
    assert changes[0]["before"]["visual_style"] == BIBLE["visual_style"]
    assert changes[0]["after"]["title"] == SECOND["title"]
    earlier = require_success(client.get(url, params={"at": changes[1]["commit"]}))
    assert earlier.items() >= BIBLE.items()


@pytest.mark.parametrize("form", [KAI, KAI_AGAIN])
def test_the_documented_bible_character_is_created(client: TestClient, form: dict[str, Any]) -> None:
    project_id = create_project(client)
    url = f"{API_ROOT}/projects/{project_id}/bible/characters"
    assert status_and_code(client.post(url, json=form)) == (404, "NOT_FOUND")
    create_bible(client, project_id)
    answer = client.post(url, json=form)
    created = require_edit(answer, 201)
    assert created.items() >= form.items()
    assert require_success(client.get(url)) == [created]
    assert require_success(client.get(answer.headers["Location"])) == created
    assert status_and_code(client.post(url, json=form)) == (409, "CONFLICT")


def test_bible_character_is_changed_linked_and_deleted(client: TestClient) -> None:
    project_id = create_project(client)
    create_bible(client, project_id)
    character = create_character(client, project_id)
    entry = require_success(client.post(f"{API_ROOT}/projects/{project_id}/bible/characters", json=KAI), 201)
    url = f"{API_ROOT}/projects/{project_id}/bible/characters/{entry['id']}"
    read = client.get(url).headers["ETag"]
    changed = require_success(
        client.put(url, json={"role": "hero", "character_id": character["id"]}, headers={"If-Match": read})
    )
    assert (changed["role"], changed["character_key"], changed["version"]) == ("hero", character["key"], 2)
    assert changed.items() >= KAI.items()
    assert status_and_code(client.put(url, json={"role": "x"}, headers={"If-Match": read})) == (
        412,
        "PRECONDITION_FAILED",
    )
    foreign_character = create_character(client, create_project(client))
    assert status_and_code(client.put(url, json={"character_id": foreign_character["id"]})) == (404, "NOT_FOUND")
    require_success(client.delete(f"{API_ROOT}/characters/{character['id']}"))
    assert require_success(client.get(url))["character_key"] is None
    require_success(client.delete(url))
    assert status_and_code(client.get(url)) == (404, "NOT_FOUND")
    history = read_all_pages(client, f"projects/{project_id}/bible/history", part="bible_character", limit=2)
    assert [(row["before"] is None, row["after"] is None) for row in history] == [
        (False, True),
        (False, False),
        (False, False),
        (True, False),
    ]


def test_a_character_of_another_bible_is_not_found(client: TestClient) -> None:
    mine, other = create_project(client), create_project(client)
    for project_id in (mine, other):
        create_bible(client, project_id)
    entry = require_success(client.post(f"{API_ROOT}/projects/{other}/bible/characters", json=KAI), 201)
    url = f"{API_ROOT}/projects/{mine}/bible/characters/{entry['id']}"
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, url, json={"role": "x"} if method == "PUT" else None)
        assert status_and_code(answer) == (404, "NOT_FOUND")
    assert require_success(client.get(f"{API_ROOT}/projects/{mine}/bible/characters")) == []


def test_a_branch_has_its_own_bible(client: TestClient) -> None:
    project_id = create_project(client)
    create_bible(client, project_id)
    create_branch(client, project_id)
    url = f"{API_ROOT}/projects/{project_id}/bible"
    require_success(client.put(url, json={**BIBLE, "title": "Another ending", "branch_name": "experimental_ending"}))
    assert require_success(client.get(url))["title"] == BIBLE["title"]
    assert require_success(client.get(url, params={"branch": "experimental_ending"}))["title"] == "Another ending"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"description": "x" * 2001}, "description"),
        ({"visual_style": "dark"}, "visual_style"),
        ({"project_id": 3}, "project_id"),
    ],
)
def test_bad_bible_is_refused(client: TestClient, body: dict[str, Any], field: str) -> None:
    refused = client.post(f"{API_ROOT}/projects/{create_project(client)}/bible", json={**BIBLE, **body})
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"] == field
