"""Integrated generations for a project: requested as documented, refused by field, followed round by round."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from db.engine import SessionFactory
from db.models.jobs import JobStatus, ProductionJob
from tests.api.api_factories import create_project
from tests.api.api_requests import (
    API_ROOT,
    insert_asset,
    insert_project,
    insert_worker,
    status_and_code,
    update_job,
)

EPIC = {"prompt": "epic anime scene", "character": "kai", "duration": 3}
FOREST = {
    "prompt": "Kai Nakamura standing in a mystical forest, cinematic lighting",
    "duration": 5,
    "style": "anime",
    "characters": ["Kai Nakamura"],
    "quality": "high",
}


def start_integrated(client: TestClient, project_id: int, body: dict[str, Any], *, key: str | None = None) -> Response:
    return _post(client, f"generate/project/{project_id}", body, key)


def start_from_command(
    client: TestClient, project_id: int, body: dict[str, Any], *, key: str | None = None
) -> Response:
    return _post(client, f"projects/{project_id}/generate-from-command", body, key)


def _post(client: TestClient, path: str, body: dict[str, Any], key: str | None) -> Response:
    answer: Response = client.post(f"{API_ROOT}/{path}", json=body, headers={"Idempotency-Key": key} if key else {})
    return answer


def test_documented_request_is_answered_as_documented(client: TestClient, sessions: SessionFactory) -> None:
    project_id = create_project(client)
    answer = start_integrated(client, project_id, EPIC)
    body = answer.json()
    assert (answer.status_code, body["status"], body["job_type"]) == (202, "processing", "integrated_generation")
    assert body["request_id"] == body["comfyui_job_id"] == str(uuid.UUID(body["request_id"]))
    with sessions() as session:
        job = session.get_one(ProductionJob, body["job_id"])
    assert (job.project_id, job.parameters["project_id"], job.parameters["duration_s"]) == (project_id, project_id, 3)


def test_a_draft_becomes_active_with_its_first_generation(client: TestClient) -> None:
    project_id = create_project(client)
    assert client.get(f"{API_ROOT}/projects/{project_id}").json()["status"] == "draft"
    start_integrated(client, project_id, EPIC)
    assert client.get(f"{API_ROOT}/projects/{project_id}").json()["status"] == "active"


def test_a_command_answer_describes_the_shot(client: TestClient) -> None:
    project_id = create_project(client)
    opened = start_from_command(client, project_id, FOREST).json()
    assert (opened["generation_id"], opened["status"]) == (
        f"gen_{opened['job_id']}",
        "processing",
    )
    metadata = opened["metadata"]
    assert {name: metadata[name] for name in ("duration", "style", "quality", "characters")} == {
        name: FOREST[name] for name in ("duration", "style", "quality", "characters")
    }
    assert (metadata["width"], metadata["height"], metadata["frames"]) == (1024, 1024, 120)


def test_the_estimate_comes_from_earlier_integrated_generations(
    served_client: TestClient, sessions: SessionFactory
) -> None:
    client = served_client
    insert_worker(sessions)
    project_id = create_project(client)
    first = start_from_command(client, project_id, FOREST).json()
    assert first["estimated_completion"] is None
    created_at = datetime.fromisoformat(first["created_at"])
    took = {"started_at": created_at, "ended_at": created_at + timedelta(seconds=240)}
    update_job(sessions, first["job_id"], status=JobStatus.COMPLETED, output_path="/x.mp4", progress=1.0, **took)
    second = start_from_command(client, project_id, FOREST).json()
    left = datetime.fromisoformat(second["estimated_completion"]) - datetime.fromisoformat(second["created_at"])
    assert left == timedelta(seconds=240)


@pytest.mark.parametrize("post", [start_integrated, start_from_command])
def test_an_unknown_project_is_not_found(client: TestClient, sessions: SessionFactory, post: Any) -> None:
    assert status_and_code(post(client, 999_999, {"prompt": "test"})) == (404, "NOT_FOUND")
    with sessions() as session:
        assert session.query(ProductionJob).count() == 0


@pytest.mark.parametrize("post", [start_integrated, start_from_command])
def test_the_body_may_not_name_another_project(client: TestClient, post: Any) -> None:
    mine, other = create_project(client), create_project(client, name="Another")
    assert post(client, mine, {"prompt": "test", "project_id": mine}).status_code == 202
    answer = post(client, mine, {"prompt": "test", "project_id": other})
    assert (status_and_code(answer), answer.json()["error"]["details"]["field"]) == (
        (422, "VALIDATION_ERROR"),
        "project_id",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", 11),
        ("duration", "3"),
        ("type", "professional"),
        ("quality", "best"),
        ("colour", "red"),
        ("characters", "Kai"),
        ("characters", ["Kai"] * 9),
    ],
)
def test_refused_field_is_named_with_its_value(
    client: TestClient, sessions: SessionFactory, field: str, value: Any
) -> None:
    answer = start_from_command(client, insert_project(sessions), {"prompt": "test", field: value})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert (details["field"], details["value"]) == (field, value)


def test_creative_is_an_integrated_type(client: TestClient, sessions: SessionFactory) -> None:
    job = start_integrated(client, insert_project(sessions), {**EPIC, "type": "creative"}).json()
    assert client.get(job["status_url"]).json()["parameters"]["type"] == "creative"


def test_same_key_is_the_same_job_for_the_same_project(client: TestClient) -> None:
    mine, other, key = create_project(client), create_project(client, name="Another"), str(uuid.uuid4())
    first, repeated = start_integrated(client, mine, EPIC, key=key), start_integrated(client, mine, EPIC, key=key)
    assert (repeated.json(), repeated.headers["Idempotent-Replay"]) == (first.json(), "true")
    assert status_and_code(start_integrated(client, mine, {**EPIC, "duration": 4}, key=key)) == (
        409,
        "IDEMPOTENCY_CONFLICT",
    )
    assert start_integrated(client, other, EPIC, key=key).json()["job_id"] != first.json()["job_id"]
    assert start_from_command(client, mine, FOREST, key=key).json()["job_id"] != first.json()["job_id"]


def test_examples_in_openapi_are_accepted(client: TestClient) -> None:
    schemas, project_id = client.get("/openapi.json").json()["components"]["schemas"], create_project(client)
    for name, post in (("ProjectGenerationRequest", start_integrated), ("CommandRequest", start_from_command)):
        for example in schemas[name]["examples"]:
            assert post(client, project_id, example).status_code == 202


def test_status_lists_the_rounds_with_the_reason_of_each_rejection(
    client: TestClient, sessions: SessionFactory
) -> None:
    job = start_integrated(client, create_project(client), EPIC).json()
    assert client.get(job["status_url"]).json()["rounds"] == []
    asset_id = insert_asset(sessions, job["job_id"])
    rejection = "black_share: 48 of 48 frames (frames 0–47) are black; at most 12 allowed."
    rejected = {"number": 1, "asset_id": None, "path": None, "score": 1.25, "passed": False, "reason": rejection}
    good = {"number": 2, "asset_id": asset_id, "path": "/x.mp4", "score": 9.5, "passed": True, "reason": None}
    rounds = {
        "round_1": {**rejected, "failed": ["black_share"]},
        "round_2": {**good, "changed": "seed 3 instead of 7"},
    }
    update_job(sessions, job["job_id"], steps={**rounds, "kept_round": {"round": 2}})
    first, second = client.get(job["status_url"]).json()["rounds"]
    assert (first["passed"], first["reason"], first["failed"], first["kept"]) == (
        False,
        rejection,
        ["black_share"],
        False,
    )
    assert (first["asset_id"], first["changed"]) == (None, None)
    assert (second["passed"], second["reason"], second["kept"]) == (True, None, True)
    assert (second["asset_id"], second["changed"], second["score"]) == (asset_id, "seed 3 instead of 7", 9.5)
    [job] = client.get(f"{API_ROOT}/generation").json()
    assert [entry["round"] for entry in job["rounds"]] == [1, 2]
