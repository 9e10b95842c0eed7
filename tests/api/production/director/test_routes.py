"""Commands to the director: a closed list, validated, run and recorded."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import func, select

from db.engine import SessionFactory
from db.models.echo import EchoOrchestrationLog, PlanState
from db.models.jobs import JobStatus, ProductionJob
from db.models.review import CreativeDecision
from tests.api.api_factories import create_project, create_scene
from tests.api.api_requests import API_ROOT, status_and_code, update_job
from tower.director import commands

HOW = {"style": "cinematic", "duration": 5, "quality": "high"}


def send_command(client: TestClient, body: dict[str, Any], *, key: str | None = None) -> Response:
    headers = {"Idempotency-Key": key} if key else {}
    answer: Response = client.post(f"{API_ROOT}/director/command", json=body, headers=headers)
    return answer


def generate_scene(client: TestClient, **parameters: Any) -> Response:
    project_id = create_project(client)
    scene_id = create_scene(client, project_id)["id"]
    request = {"scene_id": scene_id, **HOW, **parameters}
    return send_command(client, {"project_id": project_id, "command": "generate_scene", "parameters": request})


def read_log(sessions: SessionFactory, answer: dict[str, Any]) -> tuple[EchoOrchestrationLog, EchoOrchestrationLog]:
    with sessions() as session:
        plan = session.get_one(EchoOrchestrationLog, answer["plan_id"])
        return plan, session.get_one(EchoOrchestrationLog, answer["log_id"])


def settle_job(sessions: SessionFactory, job_id: int) -> None:
    with sessions.begin() as session:
        commands.on_job_settled(session, session.get_one(ProductionJob, job_id))


def test_documented_command_opens_a_job_of_the_scene(client: TestClient, sessions: SessionFactory) -> None:
    answer = generate_scene(client)
    body = answer.json()
    assert (answer.status_code, body["status"], body["job_type"]) == (202, "processing", "integrated_generation")
    assert {name: body["metadata"][name] for name in HOW} == HOW
    assert body["metadata"]["characters"] == ["Kai Nakamura", "Village Elder"]
    with sessions() as session:
        job = session.get_one(ProductionJob, body["job_id"])
    assert (job.scene_id, job.project_id) == (body["scene_id"], body["project_id"])
    assert (job.parameters["style"], job.parameters["duration_s"]) == ("cinematic", 5)
    assert "village" in job.prompt


def test_omitted_parameters_come_from_the_scene(client: TestClient) -> None:
    project_id = create_project(client)
    scene_id = create_scene(client, project_id, style="artistic", duration_seconds=4)["id"]
    body = {"project_id": project_id, "command": "generate_scene", "parameters": {"scene_id": scene_id}}
    metadata = send_command(client, body).json()["metadata"]
    assert (metadata["style"], metadata["duration"]) == ("artistic", 4)


def test_generate_video_makes_a_shot_without_a_scene(client: TestClient, sessions: SessionFactory) -> None:
    project_id = create_project(client)
    parameters = {"prompt": "Kai under the trees", "characters": ["Kai"], **HOW}
    answer = send_command(
        client, {"project_id": project_id, "command": "generate_video", "parameters": parameters}
    ).json()
    assert (answer["command"], answer["scene_id"], answer["metadata"]["characters"]) == (
        "generate_video",
        None,
        ["Kai"],
    )
    assert read_log(sessions, answer)[1].parameters == parameters


def test_the_command_is_recorded_as_sent(client: TestClient, sessions: SessionFactory) -> None:
    answer = generate_scene(client).json()
    plan, step = read_log(sessions, answer)
    assert (plan.step, plan.action, plan.state, plan.planner) == (0, None, PlanState.EXECUTING, "rules")
    assert (step.plan_id, step.step, step.action, step.state) == (plan.id, 1, "generate_scene", PlanState.EXECUTING)
    assert (step.job_id, step.parameters) == (answer["job_id"], {"scene_id": answer["scene_id"], **HOW})
    assert (step.decided_by, step.decided_at is not None, step.result) == ("local", True, {})
    [decision] = client.get(
        f"{API_ROOT}/decisions", params={"project_id": answer["project_id"], "kind": "director"}
    ).json()
    assert (decision["id"], decision["log_id"], decision["decided_by"]) == (answer["decision_id"], step.id, "local")
    assert decision["decision"] == "Generate scene 1 of 'main'"


def test_the_outcome_of_the_job_is_recorded_on_step_and_plan(client: TestClient, sessions: SessionFactory) -> None:
    answer = generate_scene(client).json()
    settle_job(sessions, answer["job_id"])
    assert [row.state for row in read_log(sessions, answer)] == [PlanState.EXECUTING] * 2
    now = datetime.now(UTC)
    update_job(
        sessions, answer["job_id"], status=JobStatus.FAILED, error_code="OOM", error_message="No memory", ended_at=now
    )
    settle_job(sessions, answer["job_id"])
    for row in read_log(sessions, answer):
        assert (row.state, row.error_code, row.error_message, row.ended_at) == ("failed", "OOM", "No memory", now)
    update_job(
        sessions, answer["job_id"], status=JobStatus.COMPLETED, output_path="/x.mp4", quality_score=9.0, ended_at=now
    )
    settle_job(sessions, answer["job_id"])
    plan, step = read_log(sessions, answer)
    assert (plan.state, plan.error_code, step.state, step.error_code) == ("completed", None, "completed", None)
    assert step.result == {"output_path": "/x.mp4", "asset_id": None, "quality_score": 9.0}


def test_a_cancelled_job_is_a_failed_step_with_its_reason(client: TestClient, sessions: SessionFactory) -> None:
    answer = generate_scene(client).json()
    client.post(f"{API_ROOT}/generation/{answer['job_id']}/cancel")
    settle_job(sessions, answer["job_id"])
    assert [(row.state, row.error_code) for row in read_log(sessions, answer)] == [("failed", "CANCELLED")] * 2


def test_an_unknown_command_is_refused_with_the_list_of_commands(client: TestClient) -> None:
    answer = send_command(
        client, {"project_id": create_project(client), "command": "burn_it_down", "parameters": {"scene_id": 1}}
    )
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert (details["field"], details["value"]) == ("command", "burn_it_down")
    assert all(command in details["expected"] for command in commands.Command)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", 11),
        ("duration", "5"),
        ("quality", "best"),
        ("scene_id", "1"),
        ("colour", "red"),
        ("style", "cubist"),
    ],
)
def test_a_refused_parameter_is_named_and_nothing_is_written(
    client: TestClient, sessions: SessionFactory, field: str, value: Any
) -> None:
    answer = generate_scene(client, **{field: value})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert (details["field"].removeprefix("parameters."), details["value"]) == (field, value)
    with sessions() as session:
        for table in (ProductionJob, EchoOrchestrationLog, CreativeDecision):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_parameters_of_another_command_are_refused(client: TestClient) -> None:
    body = {"project_id": create_project(client), "command": "generate_scene", "parameters": {"prompt": "test"}}
    assert status_and_code(send_command(client, body)) == (422, "VALIDATION_ERROR")


def test_a_scene_of_another_project_is_not_found(client: TestClient) -> None:
    mine, other = create_project(client), create_project(client, name="Another")
    foreign_command = {
        "project_id": mine,
        "command": "generate_scene",
        "parameters": {"scene_id": create_scene(client, other)["id"]},
    }
    assert status_and_code(send_command(client, foreign_command)) == (404, "NOT_FOUND")
    assert status_and_code(send_command(client, {**foreign_command, "project_id": 999_999})) == (404, "NOT_FOUND")
    assert status_and_code(send_command(client, {**foreign_command, "parameters": {"scene_id": 999_999}})) == (
        404,
        "NOT_FOUND",
    )


def test_the_same_key_is_one_command(client: TestClient, sessions: SessionFactory) -> None:
    project_id = create_project(client)
    request = {"scene_id": create_scene(client, project_id)["id"], **HOW}
    body, key = {"project_id": project_id, "command": "generate_scene", "parameters": request}, str(uuid.uuid4())
    first, repeated = send_command(client, body, key=key), send_command(client, body, key=key)
    assert (repeated.json(), repeated.headers["Idempotent-Replay"]) == (first.json(), "true")
    assert status_and_code(send_command(client, {**body, "parameters": {**request, "duration": 4}}, key=key)) == (
        409,
        "IDEMPOTENCY_CONFLICT",
    )
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(EchoOrchestrationLog)) == 2
