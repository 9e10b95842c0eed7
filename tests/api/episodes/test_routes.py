"""Episodes over HTTP: documented answers, one commit per edit, branches, merges and past states."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.episodes.bodies import format_duration
from tests.api.api_factories import (
    create_branch,
    create_character,
    create_project,
    create_scene,
    read_all_pages,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code

URL = f"{API_ROOT}/episodes"
FORM = {
    "episode_number": 1,
    "title": "The Beginning",
    "synopsis": "Our hero's journey starts...",
    "metadata": {"genre": "fantasy", "mood": "adventurous"},
}


def create_episode(episodes: TestClient, project_id: int, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = require_success(episodes.post(URL, json={"project_id": project_id, **FORM, **fields}), 201)
    return made


def test_an_episode_answers_as_documented(client: TestClient, episodes: TestClient) -> None:
    project_id = create_project(client)
    answer = episodes.post(URL, json={"project_id": project_id, **FORM})
    made = require_success(answer, 201)
    assert made.items() >= FORM.items()
    assert list(made)[:13] == [
        *("id", "episode_number", "title", "synopsis", "duration", "duration_seconds", "status", "scenes"),
        *("scene_ids", "characters", "metadata", "video_path", "quality_score"),
    ]
    assert (made["duration"], made["status"], made["scenes"], made["quality_score"]) == (None, "draft", [], None)
    assert str(uuid.UUID(made["id"])) == made["id"]
    read = episodes.get(answer.headers["Location"])
    assert (read.json(), read.headers["ETag"]) == (made, answer.headers["ETag"])
    assert require_success(episodes.get(f"{API_ROOT}/health")) == {"status": "healthy", "service": "episodes-api"}


def test_scenes_and_characters_come_from_the_scenes(client: TestClient, episodes: TestClient) -> None:
    project_id = create_project(client)
    create_character(client, project_id)
    made = create_episode(episodes, project_id)
    cast = {1: ["Kai Nakamura", "Village Elder"], 2: [], 3: ["Mira", "Kai Nakamura"]}
    ids = [
        create_scene(client, project_id, scene_number=number, characters=names, episode_id=made["id"])["id"]
        for number, names in cast.items()
    ]
    create_scene(client, project_id, scene_number=4)
    read = require_success(episodes.get(f"{URL}/{made['id']}"))
    assert (read["scenes"], read["scene_ids"]) == (["scene_1", "scene_2", "scene_3"], ids)
    assert read["characters"] == ["Kai Nakamura", "Village Elder", "Mira"]
    assert require_success(episodes.get(URL)) == [read]
    require_success(episodes.delete(f"{URL}/{made['id']}"))
    assert require_success(client.get(f"{API_ROOT}/scenes/{ids[0]}"))["episode_id"] is None


def test_lists_are_filtered_and_paged(client: TestClient, episodes: TestClient) -> None:
    first, second = create_project(client), create_project(client)
    for number in (2, 1, 3):
        create_episode(episodes, first, episode_number=number, title=f"Part {number}")
    create_episode(episodes, second, title="Elsewhere", synopsis="A quiet 旅")
    create_branch(client, second, "other")
    create_episode(episodes, second, episode_number=9, branch_name="other")

    def titles(**query: Any) -> list[str]:
        return [row["title"] for row in read_all_pages(episodes, "episodes", **query)]

    assert titles(project_id=first, limit=2) == ["Part 1", "Part 2", "Part 3"]
    assert titles(limit=2) == ["Part 2", "Part 1", "Part 3", "Elsewhere"]
    assert titles(branch="other") == ["Elsewhere", "The Beginning"]
    assert titles(q="PART", limit=1) == ["Part 2", "Part 1", "Part 3"]
    assert titles(q="旅") == ["Elsewhere"]
    assert titles(status="published") == []
    assert status_and_code(episodes.get(URL, params={"project_id": first, "branch": "none"})) == (404, "NOT_FOUND")
    assert status_and_code(episodes.get(URL, params={"at": "v1"})) == (422, "VALIDATION_ERROR")


def test_every_edit_is_a_commit_and_lost_updates_are_refused(client: TestClient, episodes: TestClient) -> None:
    project_id = create_project(client)
    made = create_episode(episodes, project_id)
    url = f"{URL}/{made['id']}"
    read = episodes.get(url).headers["ETag"]
    body = {"title": "The Beginning, again", "message": "Renamed"}
    changed = require_success(episodes.put(url, json=body, headers={"If-Match": read}))
    assert changed.items() >= (FORM | {"id": made["id"], "title": "The Beginning, again", "version": 2}).items()
    assert status_and_code(episodes.put(url, json={}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    versions = require_success(episodes.get(f"{url}/versions"))
    assert [(row["message"], row["fields"]["title"]) for row in versions] == [
        ("Renamed", "The Beginning, again"),
        ("Added episode 1", "The Beginning"),
    ]
    first = versions[-1]["commit"]
    past = require_success(episodes.get(url, params={"at": first}))
    assert (past["title"], past["at"], past["status"], past["scene_ids"]) == ("The Beginning", first, None, None)
    assert require_success(episodes.get(URL, params={"project_id": project_id, "at": first})) == [past]
    unchanged = episodes.get(url, headers={"If-None-Match": episodes.get(url).headers["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert episodes.head(url).status_code == 200


def test_branches_differ_and_merge_field_by_field(client: TestClient, episodes: TestClient) -> None:
    project_id = create_project(client)
    made = create_episode(episodes, project_id)
    url = f"{URL}/{made['id']}"
    create_branch(client, project_id, "ending")
    require_success(episodes.put(url, json={"synopsis": "It ends", "branch": "ending"}))
    require_success(episodes.put(url, json={"title": "Dawn"}))
    assert require_success(episodes.get(url, params={"branch": "ending"}))["title"] == "The Beginning"
    assert require_success(episodes.get(url))["synopsis"] == FORM["synopsis"]
    merge = {"project_id": project_id, "source_branch": "ending", "target_branch": "main"}
    require_success(client.post(f"{API_ROOT}/merge", json=merge))
    merged = require_success(episodes.get(url))
    assert (merged["title"], merged["synopsis"]) == ("Dawn", "It ends")


def test_an_episode_that_is_only_on_a_branch_is_read_there(client: TestClient, episodes: TestClient) -> None:
    project_id = create_project(client)
    create_branch(client, project_id, "side")
    made = create_episode(episodes, project_id, branch_name="side")
    assert require_success(episodes.get(f"{URL}/{made['id']}"))["branch_name"] == "side"
    answer = episodes.get(f"{URL}/{made['id']}", params={"branch": "main"})
    assert status_and_code(answer) == (404, "NOT_FOUND")
    assert status_and_code(episodes.get(f"{URL}/{made['id']}", params={"project_id": 999})) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"episode_number": 0}, "episode_number"),
        ({"episode_number": "1"}, "episode_number"),
        ({"metadata": []}, "metadata"),
        ({"status": "published"}, "status"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_made(
    client: TestClient, episodes: TestClient, fields: dict[str, Any], field: str
) -> None:
    answer = episodes.post(URL, json={"project_id": create_project(client), **FORM, **fields})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == field
    assert episodes.get(URL).json() == []


def test_a_number_is_taken_once_and_given_next(client: TestClient, episodes: TestClient) -> None:
    project_id = create_project(client)
    create_episode(episodes, project_id, episode_number=4)
    taken = episodes.post(URL, json={"project_id": project_id, **FORM, "episode_number": 4})
    assert status_and_code(taken) == (409, "CONFLICT")
    body = {"project_id": project_id, "title": "Next"}
    assert require_success(episodes.post(URL, json=body), 201)["episode_number"] == 5


def test_unknown_episodes_are_404(episodes: TestClient) -> None:
    for url in (f"{URL}/{uuid.uuid4()}", f"{URL}/{uuid.uuid4()}/versions"):
        assert status_and_code(episodes.get(url)) == (404, "NOT_FOUND")
    assert status_and_code(episodes.get(f"{URL}/7")) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(("seconds", "text"), [(1470.2, "24:30"), (59.6, "01:00"), (3.0, "00:03"), (3870.0, "1:04:30")])
def test_a_duration_is_written_as_documented(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
