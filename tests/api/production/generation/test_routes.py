"""Generation requests while Prefect is down: accepted and refused ones."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.jobs import JobStatus, ProductionJob
from db.models.projects import Project
from deployments.worker_row import WorkerReport, WorkerRow
from tests.api.api_requests import (
    API_ROOT,
    DOCUMENTED_REQUEST,
    insert_project,
    insert_worker,
    post_generate,
    start_generation,
    status_and_code,
    update_job,
)
from tests.api.small_servers import FakePrefect, serve
from tower.settings import Settings


def test_documented_request_is_answered_as_documented_while_prefect_is_down(
    client: TestClient, sessions: SessionFactory
) -> None:
    opened = start_generation(client)
    assert opened["status"] == "processing"
    assert opened["job_type"] == "video_generation"
    assert str(uuid.UUID(opened["comfyui_job_id"])) == opened["comfyui_job_id"]
    assert (opened["id"], opened["generation_id"]) == (str(opened["job_id"]), f"gen_{opened['job_id']}")
    assert opened["created_at"].endswith("Z")
    assert opened["status_url"] == f"{API_ROOT}/generation/{opened['job_id']}/status"
    with sessions() as session:
        job = session.get_one(ProductionJob, opened["job_id"])
    assert job.launch_after is not None
    assert job.prompt == "cyberpunk detective walking in neon city"
    assert (job.parameters["character"], job.parameters["duration_s"]) == ("kai", 5)


def test_shortest_documented_request_and_every_documented_field(client: TestClient) -> None:
    start_generation(client, {"prompt": "test", "duration": 3})
    everything = {
        "prompt": "your anime scene description",
        "character": "original",
        "scene_type": "epic",
        "duration": 3.5,
        "style": "cinematic",
        "type": "creative",
        "quality": "fast_preview",
        "seed": 2**53 - 1,
        "width": 640,
        "height": 360,
        "fps": 12,
        "engine": "animatic",
        "negative_prompt": "blurry",
    }
    job = start_generation(client, everything)
    assert job["seed"] == 2**53 - 1
    status = client.get(job["status_url"]).json()
    assert status["parameters"]["scene_type"] == "epic"
    assert (status["parameters"]["width"], status["parameters"]["fps"]) == (640, 12)


def test_examples_in_openapi_are_accepted(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    examples = document["components"]["schemas"]["GenerationRequest"]["examples"]
    assert DOCUMENTED_REQUEST.items() <= examples[0].items()
    assert [post_generate(client, example).status_code for example in examples] == [202] * len(examples)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "   "),
        ("prompt", "x" * 2001),
        ("prompt", None),
        ("character", ""),
        ("scene_type", "comedy"),
        ("duration", 0.9),
        ("duration", 11),
        ("duration", "5"),
        ("duration", True),
        ("type", "unheard-of"),
        ("quality", "best"),
        ("seed", -1),
        ("seed", 2**53),
        ("seed", 1.5),
        ("project_id", "not a number"),
        ("project_id", 0),
        ("project_id", 999_999_999),
        ("width", 255),
        ("height", 2050),
        ("width", 301),
        ("fps", 0),
        ("fps", 121),
        ("engine", "unheard-of"),
        ("colour", "red"),
    ],
)
def test_refused_field_is_named_with_its_value(client: TestClient, field: str, value: Any) -> None:
    answer = post_generate(client, {"prompt": "test", field: value})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert details["field"] == field
    assert details["value"] == (value if len(str(value)) < 1000 else f"{value[:1000]}…")
    assert details["expected"]


def test_an_unknown_engine_is_refused_with_the_engines_that_openapi_lists(client: TestClient) -> None:
    answer = post_generate(client, {"prompt": "test", "engine": "oil"})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["message"] == "Invalid engine: expected 'auto', 'animatic' or 'comfyui'"
    fields = client.get("/openapi.json").json()["components"]["schemas"]["GenerationRequest"]["properties"]
    assert fields["engine"]["enum"] == ["auto", "animatic", "comfyui"]
    assert fields["engine"]["default"] == "auto"


def test_one_side_without_the_other_is_refused(client: TestClient) -> None:
    answer = post_generate(client, {"prompt": "test", "width": 512})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert "both or neither" in answer.json()["error"]["message"]


def test_comfyui_without_a_worker_is_refused_with_the_fix(client: TestClient) -> None:
    answer = post_generate(client, {"prompt": "test", "engine": "comfyui"})
    assert status_and_code(answer) == (503, "NO_COMFYUI")
    assert "tower worker gpu --comfyui" in answer.json()["error"]["message"]


def test_comfyui_is_accepted_once_a_worker_has_one(client: TestClient, api_database_url: str) -> None:
    row = WorkerRow(api_database_url, "gpu@box")
    row.report(WorkerReport(host="box", slots=1, engine="comfyui", comfyui_url="http://box:8188", gpu=None))
    row.close()
    assert start_generation(client, {"prompt": "test", "engine": "comfyui"})["status"] == "processing"


def test_a_workflow_that_is_not_registered_is_refused_by_name(client: TestClient) -> None:
    answer = post_generate(client, {"prompt": "test", "workflow": "no such graph"})
    assert status_and_code(answer) == (404, "NOT_FOUND")
    assert "no such graph" in answer.json()["error"]["message"]


def test_generation_makes_a_draft_project_active(client: TestClient, sessions: SessionFactory) -> None:
    project_id = insert_project(sessions)
    assert start_generation(client, {**DOCUMENTED_REQUEST, "project_id": project_id})["project_id"] == project_id
    with sessions() as session:
        assert session.get_one(Project, project_id).status == "active"


def test_a_started_generation_knows_its_place_and_the_jobs_before_it(
    served_client: TestClient, sessions: SessionFactory
) -> None:
    client = served_client
    insert_worker(sessions)
    request = {"prompt": "test", "duration": 1, "engine": "animatic"}
    first = start_generation(client, request)
    created_at = datetime.fromisoformat(first["created_at"])
    took = {"started_at": created_at, "ended_at": created_at + timedelta(seconds=8)}
    update_job(sessions, first["job_id"], status=JobStatus.COMPLETED, output_path="/x.mp4", **took)
    for place in (1, 2, 3):
        started = start_generation(client, request)
        left = datetime.fromisoformat(started["estimated_completion"]) - datetime.fromisoformat(started["created_at"])
        assert (started["queue_position"], left) == (place, timedelta(seconds=8 * place))
        status = client.get(started["status_url"]).json()
        assert (status["stage"], status["queue_position"], status["eta_s"]) == ("queued", place, 8 * place)
    assert status["step"] == "waiting, 2 before it"


def test_estimate_is_null_without_history_and_measured_with_it(
    served_client: TestClient, sessions: SessionFactory
) -> None:
    client = served_client
    insert_worker(sessions)
    request = {"prompt": "test", "duration": 1, "engine": "animatic"}
    first = start_generation(client, request)
    assert first["estimated_completion"] is None
    created_at = datetime.fromisoformat(first["created_at"])
    took = {"started_at": created_at, "ended_at": created_at + timedelta(seconds=8)}
    update_job(sessions, first["job_id"], status=JobStatus.COMPLETED, output_path="/x.mp4", **took)
    second = start_generation(client, {**request, "duration": 2})
    expected = datetime.fromisoformat(second["created_at"]) + timedelta(seconds=16)
    assert datetime.fromisoformat(second["estimated_completion"]) == expected


def test_job_is_launched_once_prefect_answers(api_database_url: str) -> None:
    prefect = FakePrefect()
    with (
        serve(prefect) as url,
        TestClient(create_app(Settings(database_url=api_database_url, prefect_api_url=f"{url}/api"))) as client,
    ):
        job = start_generation(client, {"prompt": "test"})
        deadline = time.monotonic() + 60
        while (run := client.get(job["status_url"]).json()["prefect_run_url"]) is None:
            assert time.monotonic() < deadline, "not launched"
            time.sleep(0.05)
        ours = [run for run in prefect.runs.values() if run["parameters"] == {"job_id": job["job_id"]}]
        assert run == f"{url}/runs/flow-run/{ours[0]['id']}"
        assert len(ours) == 1
