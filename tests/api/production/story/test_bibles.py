"""Bibles and their characters over HTTP: both documented forms, history, branches."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import BIBLE, bible, branch, character, edited, good, pages, project
from tests.api.api_requests import A, code_of

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
def test_documented_bible(client: TestClient, form: dict[str, Any]) -> None:
    url = f"{A}/projects/{project(client)}/bible"
    assert code_of(client.get(url)) == (404, "NOT_FOUND")
    made = edited(client.post(url, json=form), 201)
    assert made.items() >= form.items()
    assert good(client.get(url)) == made
    assert code_of(client.post(url, json=form)) == (409, "CONFLICT")


def test_put_replaces_the_whole_bible_and_history_keeps_it(client: TestClient) -> None:
    project_id = project(client)
    url = f"{A}/projects/{project_id}/bible"
    assert code_of(client.put(url, json=BIBLE)) == (404, "NOT_FOUND")
    bible(client, project_id)
    replaced = good(client.put(url, json={**SECOND, "message": "Another world"}))
    assert replaced.items() >= (SECOND | {"visual_style": {}, "world_setting": {}}).items()
    changes = good(client.get(f"{url}/history"))
    assert [(one["part"], one["before"] is None) for one in changes] == [("bible", False), ("bible", True)]
    assert changes[0]["message"] == "Another world"
    assert changes[0]["before"]["visual_style"] == BIBLE["visual_style"]
    assert changes[0]["after"]["title"] == SECOND["title"]
    then = good(client.get(url, params={"at": changes[1]["commit"]}))
    assert then.items() >= BIBLE.items()


@pytest.mark.parametrize("form", [KAI, KAI_AGAIN])
def test_documented_bible_character(client: TestClient, form: dict[str, Any]) -> None:
    project_id = project(client)
    url = f"{A}/projects/{project_id}/bible/characters"
    assert code_of(client.post(url, json=form)) == (404, "NOT_FOUND")
    bible(client, project_id)
    answer = client.post(url, json=form)
    made = edited(answer, 201)
    assert made.items() >= form.items()
    assert good(client.get(url)) == [made]
    assert good(client.get(answer.headers["Location"])) == made
    assert code_of(client.post(url, json=form)) == (409, "CONFLICT")


def test_bible_character_is_changed_linked_and_deleted(client: TestClient) -> None:
    project_id = project(client)
    bible(client, project_id)
    drawn = character(client, project_id)
    one = good(client.post(f"{A}/projects/{project_id}/bible/characters", json=KAI), 201)
    url = f"{A}/projects/{project_id}/bible/characters/{one['id']}"
    read = client.get(url).headers["ETag"]
    changed = good(client.put(url, json={"role": "hero", "character_id": drawn["id"]}, headers={"If-Match": read}))
    assert (changed["role"], changed["character_key"], changed["version"]) == ("hero", drawn["key"], 2)
    assert changed.items() >= KAI.items()
    assert code_of(client.put(url, json={"role": "x"}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    stranger = character(client, project(client))
    assert code_of(client.put(url, json={"character_id": stranger["id"]})) == (404, "NOT_FOUND")
    good(client.delete(f"{A}/characters/{drawn['id']}"))
    assert good(client.get(url))["character_key"] is None
    good(client.delete(url))
    assert code_of(client.get(url)) == (404, "NOT_FOUND")
    history = pages(client, f"projects/{project_id}/bible/history", part="bible_character", limit=2)
    assert [(row["before"] is None, row["after"] is None) for row in history] == [
        (False, True),
        (False, False),
        (False, False),
        (True, False),
    ]


def test_character_of_another_bible_is_not_reached(client: TestClient) -> None:
    mine, other = project(client), project(client)
    for project_id in (mine, other):
        bible(client, project_id)
    one = good(client.post(f"{A}/projects/{other}/bible/characters", json=KAI), 201)
    url = f"{A}/projects/{mine}/bible/characters/{one['id']}"
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, url, json={"role": "x"} if method == "PUT" else None)
        assert code_of(answer) == (404, "NOT_FOUND")
    assert good(client.get(f"{A}/projects/{mine}/bible/characters")) == []


def test_bible_of_a_branch(client: TestClient) -> None:
    project_id = project(client)
    bible(client, project_id)
    branch(client, project_id)
    url = f"{A}/projects/{project_id}/bible"
    good(client.put(url, json={**BIBLE, "title": "Another ending", "branch_name": "experimental_ending"}))
    assert good(client.get(url))["title"] == BIBLE["title"]
    assert good(client.get(url, params={"branch": "experimental_ending"}))["title"] == "Another ending"


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
    refused = client.post(f"{A}/projects/{project(client)}/bible", json={**BIBLE, **body})
    assert code_of(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"] == field
