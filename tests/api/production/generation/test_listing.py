"""The list of generations: order, pages, filters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.jobs import JobStatus
from tests.api.api_requests import API_ROOT, insert_project, start_generation, status_and_code, update_job


def test_list_is_newest_first_in_pages_that_new_jobs_do_not_shift(client: TestClient, sessions: SessionFactory) -> None:
    project_id = insert_project(sessions)
    request = {"prompt": "test", "project_id": project_id}
    job_ids = [start_generation(client, request)["job_id"] for _ in range(5)]
    page = client.get(f"{API_ROOT}/generation", params={"project_id": project_id, "limit": 2})
    listed_ids = [job["job_id"] for job in page.json()]
    start_generation(client, request)
    while link := page.links.get("next"):
        assert f"cursor={page.headers['X-Next-Cursor']}" in link["url"]
        page = client.get(link["url"])
        listed_ids += [job["job_id"] for job in page.json()]
    assert listed_ids == job_ids[::-1]
    assert "X-Next-Cursor" not in page.headers


def test_list_filters(client: TestClient, sessions: SessionFactory) -> None:
    project_id = insert_project(sessions)
    request = {"prompt": "test", "project_id": project_id}
    start_generation(client, {"prompt": "of no project"})
    old, failed, fresh = (start_generation(client, request)["job_id"] for _ in range(3))
    update_job(sessions, old, created_at=datetime(2025, 11, 5, 4, 46, tzinfo=UTC))
    update_job(sessions, failed, status=JobStatus.FAILED, error_code="X", error_message="No.")

    def listed(**query: Any) -> list[int]:
        answer = client.get(f"{API_ROOT}/generation", params={"project_id": project_id, **query})
        assert answer.status_code == 200, answer.text
        return [job["job_id"] for job in answer.json()]

    assert listed() == [fresh, failed, old]
    assert listed(status="failed") == [failed]
    assert listed(job_type="video_generation") == [fresh, failed, old]
    assert listed(job_type="personal_generation") == []
    assert listed(since="2025-11-05T04:46:00", until="2025-11-05T04:46:01Z") == [old]
    assert listed(until="2025-11-05T05:46:00+01:00") == []
    assert listed(since="2025-11-06") == [fresh, failed]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "sleeping"),
        ("job_type", "x"),
        ("project_id", "0"),
        ("since", "yesterday"),
        ("limit", "0"),
        ("limit", "201"),
        ("cursor", "abc"),
        ("cursor", str(2**63)),
        ("offset", "3"),
    ],
)
def test_list_refuses_odd_queries(client: TestClient, name: str, value: str) -> None:
    answer = client.get(f"{API_ROOT}/generation", params={name: value})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == name
