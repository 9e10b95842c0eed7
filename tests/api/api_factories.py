"""Creates projects and their content through the production API."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from tests.api.api_requests import API_ROOT

KAI = {"name": "Kai Nakamura", "description": "Main protagonist, skilled fighter"}
VILLAGE_SCENE = {
    "scene_number": 1,
    "description": "Opening scene in the village",
    "characters": ["Kai Nakamura", "Village Elder"],
}
BIBLE = {
    "title": "My Anime Bible",
    "description": "Character and world definitions",
    "visual_style": {"theme": "cyberpunk"},
    "world_setting": {"era": "2077"},
}


def require_success(answer: Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def require_edit(answer: Response, status: int = 200) -> Any:
    """The answer to a successful edit without `stale_scenes`, as GET returns it."""
    return {name: value for name, value in require_success(answer, status).items() if name != "stale_scenes"}


def create_project(client: TestClient, **fields: Any) -> int:
    project_id: int = require_success(
        client.post(f"{API_ROOT}/projects", json={"name": "My Anime Project", **fields}), 201
    )["id"]
    return project_id


def create_character(client: TestClient, project_id: int, **fields: Any) -> dict[str, Any]:
    character: dict[str, Any] = require_edit(
        client.post(f"{API_ROOT}/characters", json={"project_id": project_id, **KAI, **fields}), 201
    )
    return character


def create_scene(client: TestClient, project_id: int, **fields: Any) -> dict[str, Any]:
    scene: dict[str, Any] = require_edit(
        client.post(f"{API_ROOT}/scenes", json={"project_id": project_id, **VILLAGE_SCENE, **fields}), 201
    )
    return scene


def create_bible(client: TestClient, project_id: int, **fields: Any) -> dict[str, Any]:
    bible: dict[str, Any] = require_edit(
        client.post(f"{API_ROOT}/projects/{project_id}/bible", json={**BIBLE, **fields}), 201
    )
    return bible


def create_branch(client: TestClient, project_id: int, name: str = "experimental_ending") -> None:
    body = {"project_id": project_id, "branch_name": name, "source_branch": "main"}
    require_success(client.post(f"{API_ROOT}/branch", json=body), 201)


def read_all_pages(client: TestClient, path: str, **query: Any) -> list[Any]:
    """All rows of a list, read page by page through the links `next`."""
    answer = client.get(f"{API_ROOT}/{path}", params=query)
    rows = require_success(answer)
    while following := answer.links.get("next"):
        assert f"cursor={answer.headers['X-Next-Cursor']}" in following["url"]
        answer = client.get(following["url"])
        rows += require_success(answer)
    assert "X-Next-Cursor" not in answer.headers
    return list(rows)
