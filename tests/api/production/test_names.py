"""Every kind of name that a person gives: which are refused, and which spellings are one name."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.production.story.bible_character_bodies import TRAITS_EXAMPLE
from api.production.story.glossary import ELEMENT_EXAMPLE
from tests.api.api_factories import create_bible, create_branch, create_project, create_scene, require_success
from tests.api.api_requests import API_ROOT, DOCUMENTED_REQUEST, post_generate, status_and_code

COMPOSED, DECOMPOSED = "Éva Ga が", "E\u0301va Ga か\u3099"
# the path, the field of the name, and what else the body needs; {} is the project's id
NAMED: dict[str, tuple[str, str, Any]] = {
    "project": ("projects", "name", {}),
    "character": ("characters", "name", {"description": "A detective"}),
    "bible": ("projects/{}/bible", "title", {"description": "The world"}),
    "bible character": ("projects/{}/bible/characters", "name", TRAITS_EXAMPLE),
    "style": ("styles", "name", {"prompt": "rain"}),
    "story arc": ("story-arcs", "name", {}),
    "element": ("cultural-elements", "name", ELEMENT_EXAMPLE),
    "scene": ("scenes", "title", {"scene_number": 1, "description": "Dawn"}),
    "event": ("timeline", "title", {}),
    "branch": ("branch", "branch_name", {}),
    "tag": ("tag", "tag_name", {}),
    "preference": ("preferences", "name", {"kind": "mood", "preference": {}}),
}
UNIQUE = ("character", "bible character", "style", "element", "branch", "tag")
IN_PATH = ("project", "bible", "bible character", "preference")  # their bodies do not name the project


def give_name(client: TestClient, kind: str, name: str, project_id: int) -> Any:
    path, field, others = NAMED[kind]
    owner = {} if kind in IN_PATH else {"project_id": project_id}
    method = "PUT" if kind == "preference" else "POST"
    return client.request(method, f"{API_ROOT}/{path.format(project_id)}", json={**others, **owner, field: name})


def create_owner(client: TestClient, kind: str) -> int:
    project_id = create_project(client)
    if kind == "bible character":
        create_bible(client, project_id)
    return project_id


@pytest.mark.parametrize("kind", NAMED)
def test_a_name_is_visible_and_kept_in_one_normal_form(client: TestClient, kind: str) -> None:
    project_id, field = create_owner(client, kind), NAMED[kind][1]
    for refused in ("\u200b\ufeff", "\u3164", "\t \u0085", "Yu\u200bki", "Yu\nki"):
        answer = give_name(client, kind, refused, project_id)
        assert status_and_code(answer) == (422, "VALIDATION_ERROR"), answer.text
        assert answer.json()["error"]["details"]["field"] == field
    made = require_success(
        give_name(client, kind, f"\u200b {DECOMPOSED}\u2060", project_id), 200 if kind == "preference" else 201
    )
    assert made.get(field, made.get("name")) == COMPOSED


@pytest.mark.parametrize("kind", UNIQUE)
def test_another_spelling_of_a_taken_name_is_refused(client: TestClient, kind: str) -> None:
    project_id = create_owner(client, kind)
    require_success(give_name(client, kind, COMPOSED, project_id), 201)
    for spelling in (DECOMPOSED, COMPOSED.upper(), COMPOSED.casefold()):
        assert status_and_code(give_name(client, kind, spelling, project_id)) == (409, "CONFLICT"), spelling


def test_a_preference_is_replaced_under_another_spelling_of_its_name(client: TestClient) -> None:
    first = require_success(give_name(client, "preference", COMPOSED, 0))
    assert require_success(give_name(client, "preference", DECOMPOSED.upper(), 0))["id"] == first["id"]


def test_a_branch_and_a_tag_are_found_by_any_spelling(client: TestClient) -> None:
    project_id = create_project(client)
    create_branch(client, project_id, COMPOSED)
    require_success(give_name(client, "tag", "Premiere", project_id), 201)
    scene = create_scene(client, project_id, branch=DECOMPOSED.upper())
    assert scene["branch_name"] == COMPOSED
    spelled = {"project_id": project_id, "branch": DECOMPOSED.lower()}
    assert require_success(client.get(f"{API_ROOT}/scenes", params=spelled)) == [scene]
    past = {"project_id": project_id, "at": "PREMIERE"}
    assert require_success(client.get(f"{API_ROOT}/scenes", params=past)) == []
    assert status_and_code(client.delete(f"{API_ROOT}/branch?project_id={project_id}&branch_name=MAIN")) == (
        409,
        "CONFLICT",
    )
    gone = {"project_id": project_id, "branch_name": DECOMPOSED}
    require_success(client.delete(f"{API_ROOT}/branch", params=gone))


def test_a_character_and_a_style_are_found_by_any_spelling(client: TestClient) -> None:
    project_id = create_project(client)
    eva = require_success(give_name(client, "character", COMPOSED, project_id), 201)
    require_success(give_name(client, "style", COMPOSED, project_id), 201)
    create_scene(client, project_id, style=DECOMPOSED.upper())
    event = {"project_id": project_id, "title": "Dawn", "characters": [DECOMPOSED.upper()]}
    assert require_success(client.post(f"{API_ROOT}/timeline", json=event), 201)["characters"] == [COMPOSED]
    listed = client.get(f"{API_ROOT}/characters", params={"project_id": project_id, "name": "e\u0301va"})
    assert [row["id"] for row in require_success(listed)] == [eva["id"]]
    body = {**DOCUMENTED_REQUEST, "project_id": project_id, "style": DECOMPOSED, "character": DECOMPOSED}
    assert post_generate(client, body).status_code == 202
