"""Search in one branch of one project: any script, any case, names first."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import (
    create_bible,
    create_branch,
    create_character,
    create_project,
    create_scene,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code


@pytest.fixture
def story(client: TestClient) -> int:
    project_id = create_project(client)
    create_character(client, project_id, name="中村 海", description="旧市街の探偵。名は Kai")
    create_character(client, project_id, name="Ren", description="Follows Kai Nakamura")
    line = {"character": "Ren", "line": "月が綺麗ですね", "timestamp": 1.0}
    create_scene(client, project_id, description="Dawn over 100% rain", dialogue=[line], characters=[])
    create_bible(client, project_id, title="Kai's world")
    return project_id


def search(client: TestClient, project_id: int, q: str, **query: Any) -> list[tuple[str, str, str]]:
    rows = require_success(client.get(f"{API_ROOT}/search", params={"project_id": project_id, "q": q, **query}))
    return [(row["kind"], row["label"], row["field"]) for row in rows]


def test_names_come_before_descriptions(client: TestClient, story: int) -> None:
    assert search(client, story, "kai") == [
        ("bible", "Kai's world", "title"),
        ("characters", "中村 海", "description"),
        ("characters", "Ren", "description"),
    ]


def test_japanese_is_found_in_names_descriptions_and_dialogue(client: TestClient, story: int) -> None:
    assert search(client, story, "海") == [("characters", "中村 海", "name")]
    assert search(client, story, "探偵") == [("characters", "中村 海", "description")]
    assert search(client, story, "綺麗") == [("scenes", "1", "dialogue")]
    row = require_success(client.get(f"{API_ROOT}/search", params={"project_id": story, "q": "綺麗"}))[0]
    assert row["snippet"] == "Ren: 月が綺麗ですね"


def test_all_words_must_match_and_special_characters_are_text(client: TestClient, story: int) -> None:
    assert search(client, story, "follows nakamura") == [("characters", "Ren", "description")]
    assert search(client, story, "follows dawn") == []
    assert search(client, story, "100% r") == [("scenes", "1", "description")]
    assert search(client, story, "1_0") == []
    assert search(client, story, "timestamp") == []


def test_search_is_narrowed_by_kind_limit_branch_and_project(client: TestClient, story: int) -> None:
    assert search(client, story, "kai", kind="bible") == [("bible", "Kai's world", "title")]
    assert len(search(client, story, "kai", limit=1)) == 1
    create_branch(client, story)
    create_character(client, story, name="Kai of the branch", branch_name="experimental_ending")
    assert len(search(client, story, "kai")) == 3
    assert len(search(client, story, "kai", branch="experimental_ending")) == 4
    assert search(client, create_project(client), "kai") == []
    assert status_and_code(client.get(f"{API_ROOT}/search", params={"project_id": 999999999, "q": "kai"})) == (
        404,
        "NOT_FOUND",
    )
    assert status_and_code(client.get(f"{API_ROOT}/search", params={"project_id": story, "q": " "}))[0] == 422


@pytest.mark.parametrize(
    "path",
    [
        "characters?branch=%00",
        "characters?name=%00",
        "characters?at=%00",
        "search?q=%00",
        "projects?name=%00",
    ],
)
def test_nul_is_refused_before_the_database_sees_it(client: TestClient, path: str) -> None:
    joint = "&" if "?" in path else "?"
    with_project = path if path.startswith("projects") else f"{path}{joint}project_id={create_project(client)}"
    assert status_and_code(client.get(f"{API_ROOT}/{with_project}")) == (422, "VALIDATION_ERROR")
