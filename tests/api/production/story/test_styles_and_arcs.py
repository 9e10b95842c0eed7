"""Style templates and story arcs over HTTP."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.api.api_factories import branch, good, pages, project
from tests.api.api_requests import A, code_of, generate

STYLE = {"name": "rainy neon", "prompt": "neon reflections, heavy rain", "sampler_settings": {"steps": 30}}


def test_built_in_styles_are_listed_and_stay(client: TestClient) -> None:
    listed = good(client.get(f"{A}/styles"))
    assert {row["name"] for row in listed} == {"anime", "realistic", "artistic", "cinematic"}
    assert all(row["built_in"] and row["project_id"] is None for row in listed)
    url = f"{A}/styles/{listed[0]['id']}"
    assert good(client.get(url)) == listed[0]
    assert code_of(client.put(url, json={"prompt": "x"})) == (409, "CONFLICT")
    assert code_of(client.delete(url)) == (409, "CONFLICT")
    assert good(client.get(url)) == listed[0]


def test_own_style_is_made_used_changed_and_deleted(client: TestClient) -> None:
    mine, other = project(client), project(client)
    made = good(client.post(f"{A}/styles", json={"project_id": mine, **STYLE}), 201)
    assert made.items() >= (STYLE | {"built_in": False, "branch_name": "main", "version": 1}).items()
    assert code_of(client.post(f"{A}/styles", json={"project_id": mine, **STYLE})) == (409, "CONFLICT")
    assert len(pages(client, "styles", project_id=mine, limit=2)) == 5
    assert len(pages(client, "styles", project_id=other)) == 4
    shot = {"prompt": "test", "style": "rainy neon"}
    assert generate(client, shot | {"project_id": mine}).status_code == 202
    assert code_of(generate(client, shot | {"project_id": other})) == (422, "VALIDATION_ERROR")
    url = f"{A}/styles/{made['id']}"
    read = client.get(url).headers["ETag"]
    changed = good(client.put(url, json={"negative_prompt": "daylight"}, headers={"If-Match": read}))
    assert changed.items() >= (STYLE | {"negative_prompt": "daylight", "version": 2}).items()
    assert code_of(client.put(url, json={"prompt": "x"}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    good(client.delete(url))
    assert code_of(client.get(url)) == (404, "NOT_FOUND")


def test_style_of_a_branch(client: TestClient) -> None:
    project_id = project(client)
    branch(client, project_id)
    body = {"project_id": project_id, "branch_name": "experimental_ending", **STYLE}
    made = good(client.post(f"{A}/styles", json=body), 201)
    assert made["branch_name"] == "experimental_ending"
    assert len(pages(client, "styles", project_id=project_id)) == 4
    there = pages(client, "styles", project_id=project_id, branch="experimental_ending")
    assert [row["name"] for row in there if not row["built_in"]] == ["rainy neon"]


def test_story_arc_is_made_changed_seen_in_the_past_and_deleted(client: TestClient) -> None:
    project_id = project(client)
    form = {"name": "The shrine's secret", "milestones": [{"title": "封印", "description": "", "episode_id": None}]}
    made = good(client.post(f"{A}/story-arcs", json={"project_id": project_id, **form}), 201)
    assert made.items() >= (form | {"status": "planned", "position": 0, "episode_ids": []}).items()
    url = f"{A}/story-arcs/{made['id']}"
    tag = {"project_id": project_id, "tag_name": "pilot"}
    good(client.post(f"{A}/tag", json=tag), 201)
    read = client.get(url).headers["ETag"]
    changed = good(client.put(url, json={"status": "active", "position": 3}, headers={"If-Match": read}))
    assert (changed["status"], changed["position"], changed["milestones"]) == ("active", 3, made["milestones"])
    assert code_of(client.put(url, json={}, headers={"If-Match": read})) == (412, "PRECONDITION_FAILED")
    assert good(client.get(url, params={"at": "pilot"}))["status"] == "planned"
    assert pages(client, "story-arcs", project_id=project_id, status="active") == [changed]
    assert pages(client, "story-arcs", project_id=project_id, status="resolved") == []
    good(client.delete(url))
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, url, json={} if method == "PUT" else None)
        assert code_of(answer) == (404, "NOT_FOUND")


def test_arc_over_an_episode_that_is_not_there_is_refused(client: TestClient) -> None:
    body = {"project_id": project(client), "name": "x", "episode_ids": ["2f4c6a0e-7d39-4c53-9ae4-1f6d1de6a1c1"]}
    assert code_of(client.post(f"{A}/story-arcs", json=body)) == (422, "VALIDATION_ERROR")


def test_style_with_a_sampler_setting_that_nobody_knows_is_refused(client: TestClient) -> None:
    body = {**STYLE, "project_id": project(client), "sampler_settings": {"stepz": 30}}
    assert code_of(client.post(f"{A}/styles", json=body)) == (422, "VALIDATION_ERROR")
