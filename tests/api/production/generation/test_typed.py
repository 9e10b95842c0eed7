"""Professional and personal generations over HTTP: requests, choices, refusals and answers."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.jobs import QualityMetrics
from tests.api.api_factories import create_character, create_project, require_success
from tests.api.api_requests import API_ROOT, insert_asset, post_generate, start_generation, status_and_code
from tower.quality.consistency import METRIC_NAME

TYPED = {"prompt": "under the cherry trees", "duration": 3}


def generate_personal(client: TestClient, **fields: Any) -> dict[str, Any]:
    return start_generation(client, {**TYPED, "type": "personal", **fields})


def approve_take(client: TestClient, sessions: SessionFactory, job: dict[str, Any], *, rejected: bool = False) -> None:
    body: dict[str, Any] = {"asset_id": insert_asset(sessions, job["job_id"]), "kind": "approval"}
    if rejected:
        body |= {"kind": "rejection", "reason": "not mine"}
    require_success(client.post(f"{API_ROOT}/feedback", json=body), 201)


def test_professional_generation_of_a_character_that_exists(client: TestClient) -> None:
    create_character(client, create_project(client))
    job = start_generation(client, {**TYPED, "type": "professional", "character": "kai"})
    assert job["job_type"] == "professional_generation"
    status = require_success(client.get(job["status_url"]))
    assert (status["job_type"], status["character_consistency"]) == ("professional_generation", None)


@pytest.mark.parametrize("name", ["Nobody At All", "original"])
def test_professional_generation_without_a_known_character_is_refused_by_field(client: TestClient, name: str) -> None:
    answer = post_generate(client, {**TYPED, "type": "professional", "character": name})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert (details["field"], details["value"]) == ("character", name)


def test_a_character_of_another_project_is_not_found(client: TestClient) -> None:
    create_character(client, create_project(client))
    body = {**TYPED, "type": "professional", "character": "kai", "project_id": create_project(client)}
    assert status_and_code(post_generate(client, body)) == (422, "VALIDATION_ERROR")


def test_status_shows_the_measured_consistency(client: TestClient, sessions: SessionFactory) -> None:
    create_character(client, create_project(client))
    job = start_generation(client, {**TYPED, "type": "professional", "character": "kai"})
    metric = {
        "name": METRIC_NAME,
        "value": 3.1,
        "passed": False,
        "reason": "Kai is unlike",
        "frames": [[0, 0], [12, 18]],
    }
    with sessions.begin() as session:
        session.add(QualityMetrics(job_id=job["job_id"], score=3.1, passed=False, metrics=[metric]))
    consistency = require_success(client.get(job["status_url"]))["character_consistency"]
    assert consistency == {"score": 3.1, "passed": False, "reason": "Kai is unlike", "frames": [[0, 0], [12, 18]]}


def test_a_requested_mood_chooses_style_and_camera_with_reasons(client: TestClient) -> None:
    job = generate_personal(client, mood="melancholic")
    choice = job["mood_choice"]
    assert job["job_type"] == "personal_generation"
    assert (choice["mood"]["value"], choice["mood"]["source"]) == ("sad", "request")
    assert (choice["style"]["value"], choice["camera"]["value"]) == ("cinematic", "emotional")
    assert "melancholic" in choice["mood"]["why"]
    assert (choice["track"], choice["track_reason"]) == (None, "no track of the music library fits the mood sad")
    status = require_success(client.get(job["status_url"]))
    assert status["mood_choice"] == choice
    assert (status["parameters"]["style"], status["parameters"]["scene_type"]) == ("cinematic", "emotional")
    assert require_success(client.get(f"{API_ROOT}/generation"))[0] == status


def test_fields_in_the_request_override_the_mood(client: TestClient) -> None:
    choice = generate_personal(client, mood="sad", style="anime", scene_type="dialogue")["mood_choice"]
    assert (choice["style"]["value"], choice["style"]["source"]) == ("anime", "request")
    assert (choice["camera"]["value"], choice["camera"]["source"]) == ("dialogue", "request")


def test_without_a_mood_the_prompt_and_then_the_scene_decide(client: TestClient) -> None:
    assert generate_personal(client, prompt="a mysterious door")["mood_choice"]["mood"]["source"] == "prompt"
    choice = generate_personal(client, scene_type="epic")["mood_choice"]["mood"]
    assert (choice["value"], choice["source"]) == ("epic", "scene_type")


@pytest.mark.parametrize("fields", [{"type": "personal", "mood": "bureaucratic"}, {"type": "standard", "mood": "sad"}])
def test_an_invalid_mood_is_refused(client: TestClient, fields: dict[str, str]) -> None:
    answer = post_generate(client, {**TYPED, **fields})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert "mood" in answer.text


def test_a_set_preference_wins_and_can_name_a_custom_mood(client: TestClient) -> None:
    custom_mood = {"kind": "mood", "name": "Rainy Sunday", "preference": {"style": "artistic", "camera": "slow pan"}}
    require_success(client.put(f"{API_ROOT}/preferences", json=custom_mood))
    job = generate_personal(client, mood="rainy sunday")
    assert (job["mood_choice"]["style"]["value"], job["mood_choice"]["style"]["source"]) == ("artistic", "set")
    assert job["mood_choice"]["words"] == "rainy sunday mood, slow pan"
    require_success(
        client.put(f"{API_ROOT}/preferences", json={"kind": "default", "name": "mood", "preference": {"mood": "dark"}})
    )
    assert generate_personal(client)["mood_choice"]["mood"] | {"why": ""} == {
        "value": "dark",
        "source": "set",
        "why": "",
    }


def test_a_preference_for_a_deleted_style_is_reported(client: TestClient) -> None:
    require_success(
        client.put(f"{API_ROOT}/preferences", json={"kind": "mood", "name": "sad", "preference": {"style": "no such"}})
    )
    answer = post_generate(client, {**TYPED, "type": "personal", "mood": "sad"})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert "preference" in answer.json()["error"]["message"]


def test_a_mood_is_learned_from_approvals_and_a_set_one_wins(client: TestClient, sessions: SessionFactory) -> None:
    for _ in range(3):
        approve_take(client, sessions, generate_personal(client, mood="dreamy", style="realistic"))
    rows = {
        (preference["kind"], preference["name"]): preference
        for preference in require_success(client.get(f"{API_ROOT}/preferences"))
    }
    learned = rows["mood", "dreamy"]
    assert (learned["source"], learned["examples"], learned["preference"]["style"]) == ("learned", 3, "realistic")
    assert learned["confidence"] > 0.5
    choice = generate_personal(client)["mood_choice"]
    assert (choice["mood"]["value"], choice["mood"]["source"]) == ("dreamy", "learned")
    assert (choice["style"]["value"], choice["style"]["source"]) == ("realistic", "learned")
    require_success(
        client.put(f"{API_ROOT}/preferences", json={"kind": "mood", "name": "dreamy", "preference": {"style": "anime"}})
    )
    assert generate_personal(client)["mood_choice"]["style"]["source"] == "set"


def test_a_style_with_rejected_takes_is_not_chosen(client: TestClient, sessions: SessionFactory) -> None:
    assert generate_personal(client, mood="calm")["mood_choice"]["style"]["value"] == "artistic"
    for _ in range(4):
        approve_take(client, sessions, start_generation(client, {**TYPED, "style": "artistic"}), rejected=True)
    style = generate_personal(client, mood="calm")["mood_choice"]["style"]
    assert (style["value"], style["source"]) == ("anime", "mood")
    assert "artistic was skipped" in style["why"]


def test_the_same_key_gives_the_same_choice(client: TestClient) -> None:
    body = {**TYPED, "type": "personal", "mood": "tense"}
    first, repeated = post_generate(client, body, key="k1"), post_generate(client, body, key="k1")
    assert (repeated.json(), repeated.headers["Idempotent-Replay"]) == (first.json(), "true")
