"""Style templates and story arcs over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.api_factories import create_branch, create_project, read_all_pages, require_success
from tests.api.api_requests import API_ROOT, post_generate, status_and_code

STYLE = {"name": "rainy neon", "prompt": "neon reflections, heavy rain", "sampler_settings": {"steps": 30}}


def test_built_in_styles_are_listed_and_cannot_change(client: TestClient) -> None:
    styles = require_success(client.get(f"{API_ROOT}/styles"))
    assert {row["name"] for row in styles} == {"anime", "realistic", "artistic", "cinematic"}
    assert all(row["built_in"] and row["project_id"] is None for row in styles)
    url = f"{API_ROOT}/styles/{styles[0]['id']}"
    assert require_success(client.get(url)) == styles[0]
    assert status_and_code(client.put(url, json={"prompt": "x"})) == (409, "CONFLICT")
    assert status_and_code(client.delete(url)) == (409, "CONFLICT")
    assert require_success(client.get(url)) == styles[0]


def test_a_custom_style_is_created_used_changed_and_deleted(client: TestClient) -> None:
    mine, other = create_project(client), create_project(client)
    created = require_success(client.post(f"{API_ROOT}/styles", json={"project_id": mine, **STYLE}), 201)
    assert created.items() >= (STYLE | {"built_in": False, "branch_name": "main", "version": 1}).items()
    assert status_and_code(client.post(f"{API_ROOT}/styles", json={"project_id": mine, **STYLE})) == (409, "CONFLICT")
    assert len(read_all_pages(client, "styles", project_id=mine, limit=2)) == 5
    assert len(read_all_pages(client, "styles", project_id=other)) == 4
    shot = {"prompt": "test", "style": "rainy neon"}
    assert post_generate(client, shot | {"project_id": mine}).status_code == 202
    assert status_and_code(post_generate(client, shot | {"project_id": other})) == (422, "VALIDATION_ERROR")
    url = f"{API_ROOT}/styles/{created['id']}"
    read = client.get(url).headers["ETag"]
    changed = require_success(client.put(url, json={"negative_prompt": "daylight"}, headers={"If-Match": read}))
    assert changed.items() >= (STYLE | {"negative_prompt": "daylight", "version": 2}).items()
    assert status_and_code(client.put(url, json={"prompt": "x"}, headers={"If-Match": read})) == (
        412,
        "PRECONDITION_FAILED",
    )
    require_success(client.delete(url))
    assert status_and_code(client.get(url)) == (404, "NOT_FOUND")


def test_a_branch_has_its_own_styles(client: TestClient) -> None:
    project_id = create_project(client)
    create_branch(client, project_id)
    body = {"project_id": project_id, "branch_name": "experimental_ending", **STYLE}
    created = require_success(client.post(f"{API_ROOT}/styles", json=body), 201)
    assert created["branch_name"] == "experimental_ending"
    assert len(read_all_pages(client, "styles", project_id=project_id)) == 4
    branch_styles = read_all_pages(client, "styles", project_id=project_id, branch="experimental_ending")
    assert [row["name"] for row in branch_styles if not row["built_in"]] == ["rainy neon"]


def test_a_story_arc_is_created_changed_read_in_the_past_and_deleted(client: TestClient) -> None:
    project_id = create_project(client)
    form = {"name": "The shrine's secret", "milestones": [{"title": "封印", "description": "", "episode_id": None}]}
    created = require_success(client.post(f"{API_ROOT}/story-arcs", json={"project_id": project_id, **form}), 201)
    assert created.items() >= (form | {"status": "planned", "position": 0, "episode_ids": []}).items()
    url = f"{API_ROOT}/story-arcs/{created['id']}"
    tag = {"project_id": project_id, "tag_name": "pilot"}
    require_success(client.post(f"{API_ROOT}/tag", json=tag), 201)
    read = client.get(url).headers["ETag"]
    changed = require_success(client.put(url, json={"status": "active", "position": 3}, headers={"If-Match": read}))
    assert (changed["status"], changed["position"], changed["milestones"]) == ("active", 3, created["milestones"])
    assert status_and_code(client.put(url, json={}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    assert require_success(client.get(url, params={"at": "pilot"}))["status"] == "planned"
    assert read_all_pages(client, "story-arcs", project_id=project_id, status="active") == [changed]
    assert read_all_pages(client, "story-arcs", project_id=project_id, status="resolved") == []
    require_success(client.delete(url))
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, url, json={} if method == "PUT" else None)
        assert status_and_code(answer) == (404, "NOT_FOUND")


def test_an_arc_over_an_absent_episode_is_refused(client: TestClient) -> None:
    body = {"project_id": create_project(client), "name": "x", "episode_ids": ["2f4c6a0e-7d39-4c53-9ae4-1f6d1de6a1c1"]}
    assert status_and_code(client.post(f"{API_ROOT}/story-arcs", json=body)) == (422, "VALIDATION_ERROR")


def test_a_style_with_an_unknown_sampler_setting_is_refused(client: TestClient) -> None:
    body = {**STYLE, "project_id": create_project(client), "sampler_settings": {"stepz": 30}}
    assert status_and_code(client.post(f"{API_ROOT}/styles", json=body)) == (422, "VALIDATION_ERROR")
