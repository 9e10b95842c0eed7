"""Following a generation by any of its names, and cancelling it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.jobs import JobStatus, Stage
from tests.api.api_requests import API_ROOT, start_generation, status_and_code, update_job


def test_status_has_the_documented_keys(client: TestClient) -> None:
    opened = start_generation(client)
    status = client.get(opened["status_url"])
    assert status.status_code == 200
    job = status.json()
    assert (job["id"], job["job_id"]) == (str(opened["job_id"]), opened["job_id"])
    assert (job["status"], job["stage"], job["progress"]) == ("processing", "queued", 0)
    unknown = ("quality_score", "output_path", "video_url", "engine", "error", "eta_s", "prefect_run_url", "ended_at")
    assert {name: job[name] for name in unknown} == dict.fromkeys(unknown)
    assert job["job_type"] == "video_generation"
    assert (job["attempt"], job["warnings"]) == (0, [])
    assert job["created_at"].endswith("Z")
    assert datetime.fromisoformat(job["created_at"]).tzinfo is not None


def test_all_forms_of_the_id_name_the_same_job(client: TestClient) -> None:
    job = start_generation(client)
    prompt_id = job["comfyui_job_id"]
    forms = [job["job_id"], prompt_id, prompt_id.upper(), job["generation_id"]]
    answers = [client.get(f"{API_ROOT}/generation/{form}/status").json() for form in forms]
    assert [answer["job_id"] for answer in answers] == [job["job_id"]] * 4


@pytest.mark.parametrize(
    "key",
    [
        "999999999",
        str(10**30),
        "-1",
        "gen_",
        "gen_x",
        "banana",
        "0",
        "%00",
        "1%20",
        "²",
        "b337be51-05df-46e4-b417-b4349a65a46d",
    ],
)
def test_unknown_id_is_404(client: TestClient, key: str) -> None:
    for method, action in (("GET", "status"), ("POST", "cancel"), ("GET", "video")):
        assert status_and_code(client.request(method, f"{API_ROOT}/generation/{key}/{action}")) == (404, "NOT_FOUND")


def test_running_and_failed_jobs_are_reported_accurately(client: TestClient, sessions: SessionFactory) -> None:
    job_id = start_generation(client)["job_id"]
    now = datetime.now(UTC)
    run = uuid.uuid4()
    running = {"progress": 0.5, "started_at": now - timedelta(seconds=10), "heartbeat_at": now, "flow_run_id": run}
    running |= {"stage": Stage.RENDER, "launch_after": None}
    update_job(sessions, job_id, **running, step="frame 12 of 24", attempt=1, engine="animatic")
    job = client.get(f"{API_ROOT}/generation/{job_id}/status").json()
    assert (job["eta_s"], job["step"]) == (10.0, "frame 12 of 24")
    assert datetime.fromisoformat(job["estimated_completion"]) > now
    assert job["prefect_run_url"].endswith(f"/runs/flow-run/{run}")
    assert "/api/" not in job["prefect_run_url"]
    update_job(sessions, job_id, status=JobStatus.FAILED, error_code="RENDER_FAILED", error_message="The disk is full")
    job = client.get(f"{API_ROOT}/generation/{job_id}/status").json()
    assert job["error"] == {"code": "RENDER_FAILED", "message": "The disk is full"}
    assert (job["status"], job["eta_s"], job["estimated_completion"]) == ("failed", None, None)


def test_cancel_twice_answers_the_same(client: TestClient) -> None:
    job = start_generation(client)
    first = client.post(f"{API_ROOT}/generation/{job['generation_id']}/cancel")
    second = client.post(f"{API_ROOT}/generation/{job['comfyui_job_id']}/cancel")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["status"] == "cancelled"
    assert first.json()["ended_at"] == second.json()["ended_at"] is not None


def test_cancel_of_an_ended_job_is_a_conflict(client: TestClient, sessions: SessionFactory) -> None:
    job_id = start_generation(client)["job_id"]
    update_job(sessions, job_id, status=JobStatus.FAILED, error_code="RENDER_FAILED", error_message="No.")
    assert status_and_code(client.post(f"{API_ROOT}/generation/{job_id}/cancel")) == (409, "CONFLICT")
