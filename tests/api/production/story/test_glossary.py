"""The cultural glossary and checks against it, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import create_project, create_scene, read_all_pages, require_success
from tests.api.api_requests import API_ROOT, status_and_code

BELL = {
    "name": "shrine bell",
    "category": "object",
    "triggers": ["shrine bell", "鈴"],
    "rule": "The bell is rung once before the prayer.",
    "violations": ["after the prayer"],
}


def check_culture(client: TestClient, **body: Any) -> Any:
    return require_success(client.post(f"{API_ROOT}/cultural-validations", json=body), 201)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Kai in a kimono, right over left", [("kimono", "broken", "error")]),
        ("Kai in a kimono, left over right", [("kimono", "followed", None)]),
        ("着物が左前の男", [("kimono", "broken", "error")]),
        ("two kimonos at an onsen without a swimsuit", [("kimono", "followed", None), ("onsen", "unclear", "warning")]),
        ("a skimono of the future", [(None, "nothing", None)]),
        ("rain on neon", [(None, "nothing", None)]),
    ],
)
def test_prompt_is_checked_against_the_glossary(
    client: TestClient, prompt: str, expected: list[tuple[str | None, str, str | None]]
) -> None:
    findings = check_culture(client, prompt=prompt)
    assert [(finding["element_name"], finding["finding"], finding["severity"]) for finding in findings] == expected
    assert {finding["kind"] for finding in findings} == {"prompt"}
    assert all(
        (finding["message"] is not None) == (finding["finding"] in ("broken", "unclear")) for finding in findings
    )


def test_all_text_of_a_scene_is_checked_and_the_findings_are_stored(client: TestClient) -> None:
    project_id = create_project(client)
    line = {"character": "Ren", "line": "畳に土足で上がるな", "timestamp": 0}
    village = create_scene(client, project_id, dialogue=[line], location="torii before the shrine")
    findings = check_culture(client, scene_id=village["id"])
    assert [(finding["element_name"], finding["finding"]) for finding in findings] == [
        ("genkan", "broken"),
        ("torii", "followed"),
    ]
    assert {(finding["kind"], finding["scene_key"], finding["project_id"]) for finding in findings} == {
        ("scene", village["key"], project_id)
    }
    assert len({finding["check_id"] for finding in findings}) == 1
    check_culture(client, prompt="rain", project_id=project_id)
    stored = read_all_pages(client, "cultural-validations", project_id=project_id, limit=1)
    assert [finding["finding"] for finding in stored] == ["nothing", "followed", "broken"]
    assert read_all_pages(client, "cultural-validations", project_id=project_id, finding="broken") == findings[:1]
    assert len(read_all_pages(client, "cultural-validations", project_id=project_id, scene_key=village["key"])) == 2
    assert read_all_pages(client, "cultural-validations", project_id=create_project(client)) == []


def test_a_custom_element_is_created_used_changed_and_deleted(client: TestClient) -> None:
    mine, other = create_project(client), create_project(client)
    element = require_success(client.post(f"{API_ROOT}/cultural-elements", json={"project_id": mine, **BELL}), 201)
    assert element.items() >= BELL.items()
    assert status_and_code(client.post(f"{API_ROOT}/cultural-elements", json={"project_id": mine, **BELL})) == (
        409,
        "CONFLICT",
    )
    prompt = "the shrine bell after the prayer"
    assert [finding["finding"] for finding in check_culture(client, prompt=prompt, project_id=mine)] == ["broken"]
    assert [finding["finding"] for finding in check_culture(client, prompt=prompt, project_id=other)] == ["nothing"]
    url = f"{API_ROOT}/cultural-elements/{element['id']}"
    assert require_success(client.put(url, json={"violations": []}))["violations"] == []
    assert [finding["finding"] for finding in check_culture(client, prompt=prompt, project_id=mine)] == ["followed"]
    built_in = len(read_all_pages(client, "cultural-elements"))
    assert built_in >= 10
    assert len(read_all_pages(client, "cultural-elements", project_id=mine, limit=4)) == built_in + 1
    require_success(client.delete(url))
    assert status_and_code(client.put(url, json={})) == (404, "NOT_FOUND")
    assert len(read_all_pages(client, "cultural-validations", project_id=mine)) == 2


def test_a_built_in_element_cannot_change_and_is_overridden_by_name(client: TestClient) -> None:
    kimono = next(row for row in read_all_pages(client, "cultural-elements") if row["name"] == "kimono")
    url = f"{API_ROOT}/cultural-elements/{kimono['id']}"
    assert status_and_code(client.put(url, json={"rule": "x"})) == (409, "CONFLICT")
    assert status_and_code(client.put(url, json={"name": "x"})) == (409, "CONFLICT")
    assert status_and_code(client.delete(url)) == (409, "CONFLICT")
    mine = create_project(client)
    override = BELL | {"project_id": mine, "name": "Kimono", "triggers": ["kimono"], "violations": ["red"]}
    require_success(client.post(f"{API_ROOT}/cultural-elements", json=override), 201)
    findings = check_culture(client, prompt="a red kimono, left over right", project_id=mine)
    assert [(finding["element_name"], finding["finding"]) for finding in findings] == [("Kimono", "broken")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"prompt": ""}, 422),
        ({"prompt": "x", "scene_id": 1}, 422),
        ({"prompt": "x", "project_id": 999999999}, 404),
        ({"scene_id": 999999999}, 404),
    ],
)
def test_an_empty_check_is_refused(client: TestClient, body: dict[str, Any], status: int) -> None:
    assert status_and_code(client.post(f"{API_ROOT}/cultural-validations", json=body))[0] == status
