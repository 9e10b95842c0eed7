"""Retrying a generation that has failed."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.jobs import JobStatus
from tests.api.api_requests import API_ROOT, start_generation, status_and_code, update_job
from tests.api.small_servers import FakePrefect, serve
from tower.settings import Settings

FAILED = {"error_code": "RENDER_FAILED", "error_message": "The disk is full"}


@pytest.mark.parametrize("ending", [JobStatus.FAILED, JobStatus.MERGE_FAILED, JobStatus.CANCELLED])
def test_a_failed_job_is_reopened(client: TestClient, sessions: SessionFactory, ending: JobStatus) -> None:
    opened = start_generation(client)
    update_job(sessions, opened["job_id"], status=ending, **FAILED)
    answer = client.post(f"{API_ROOT}/generation/{opened['generation_id']}/retry")
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert (job["status"], job["stage"], job["error"], job["ended_at"]) == ("processing", "queued", None, None)


def test_a_retried_job_is_launched_again_at_once(api_database_url: str, sessions: SessionFactory) -> None:
    prefect = FakePrefect()
    with (
        serve(prefect) as url,
        TestClient(create_app(Settings(database_url=api_database_url, prefect_api_url=f"{url}/api"))) as client,
    ):
        job_id = start_generation(client, {"prompt": "test"})["job_id"]
        await_runs(prefect, job_id, 1)
        update_job(sessions, job_id, status=JobStatus.FAILED, **FAILED)
        assert client.post(f"{API_ROOT}/generation/{job_id}/retry").status_code == 200
        await_runs(prefect, job_id, 2)


def await_runs(prefect: FakePrefect, job_id: int, count: int) -> None:
    deadline = time.monotonic() + 60
    while sum(run["parameters"] == {"job_id": job_id} for run in list(prefect.runs.values())) < count:
        assert time.monotonic() < deadline, f"run {count} was not requested"
        time.sleep(0.05)


def test_a_running_or_completed_job_is_not_retried(client: TestClient, sessions: SessionFactory) -> None:
    job_id = start_generation(client)["job_id"]
    assert status_and_code(client.post(f"{API_ROOT}/generation/{job_id}/retry")) == (409, "CONFLICT")
    update_job(sessions, job_id, status=JobStatus.COMPLETED, output_path="/x.mp4")
    assert status_and_code(client.post(f"{API_ROOT}/generation/{job_id}/retry")) == (409, "CONFLICT")
    assert status_and_code(client.post(f"{API_ROOT}/generation/999999999/retry")) == (404, "NOT_FOUND")
