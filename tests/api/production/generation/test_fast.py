"""Fast generations: requested as documented, followed segment by segment."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from db.engine import SessionFactory
from db.models.jobs import JobStatus, ProductionJob, Stage
from db.models.rendering import RenderSegment, SegmentState
from tests.api.api_requests import API_ROOT, insert_asset, insert_worker, status_and_code, update_job

DOCUMENTED = {"prompt": "samurai battle scene", "character": "original", "duration": 3}


def start_fast(client: TestClient, body: dict[str, Any], *, key: str | None = None) -> Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer: Response = client.post(f"{API_ROOT}/generate-fast", json=body, headers=headers)
    return answer


@pytest.fixture
def opened_job(client: TestClient) -> dict[str, Any]:
    answer = start_fast(client, DOCUMENTED)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def segment(sessions: SessionFactory, job_id: int, number: int, state: SegmentState, *, attempt: int = 1) -> None:
    completed = state == SegmentState.COMPLETED
    asset_id = insert_asset(sessions, job_id) if completed else None
    with sessions.begin() as session:
        session.add(
            RenderSegment(
                job_id=job_id,
                segment=number,
                attempt=attempt,
                state=state,
                prompt_id=uuid.uuid4(),
                engine="animatic",
                shot={},
                fingerprint="f" * 64,
                asset_id=asset_id,
            )
        )


def read_segment_lists(client: TestClient, job_id: int) -> tuple[list[int], list[int], list[int]]:
    job = client.get(f"{API_ROOT}/generation/{job_id}/status").json()
    return job["segments_completed"], job["segments_failed"], job["segments_processing"]


def test_documented_request_is_answered_as_documented(opened_job: dict[str, Any], sessions: SessionFactory) -> None:
    assert (opened_job["status"], opened_job["job_type"]) == ("segments_queued", "fast_video_generation")
    assert opened_job["batch_id"] == opened_job["comfyui_job_id"] == str(uuid.UUID(opened_job["comfyui_job_id"]))
    assert (opened_job["total_segments"], opened_job["estimated_completion"]) == (3, None)
    assert opened_job["segment_tasks"] == [
        {"segment": 1, "start_frame": 0, "frames": 28, "overlap_frames": 4},
        {"segment": 2, "start_frame": 24, "frames": 28, "overlap_frames": 4},
        {"segment": 3, "start_frame": 48, "frames": 24, "overlap_frames": 4},
    ]
    with sessions() as session:
        job = session.get_one(ProductionJob, opened_job["job_id"])
    assert (job.status, job.parameters["duration_s"]) == (JobStatus.SEGMENTS_QUEUED, 3)


def test_examples_in_openapi_are_accepted(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    examples = document["components"]["schemas"]["FastGenerationRequest"]["examples"]
    assert examples[0] == DOCUMENTED
    assert [start_fast(client, example).json()["total_segments"] for example in examples] == [3, 2]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", 2.5),
        ("duration", 0),
        ("duration", 11),
        ("duration", "3"),
        ("type", "professional"),
        ("type", "unheard-of"),
        ("quality", "best"),
        ("colour", "red"),
        ("prompt", ""),
    ],
)
def test_refused_field_is_named_with_its_value(client: TestClient, field: str, value: Any) -> None:
    answer = start_fast(client, {"prompt": "test", field: value})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    details = answer.json()["error"]["details"]
    assert (details["field"], details["value"]) == (field, value)


def test_a_frame_rate_too_low_for_shared_frames_is_refused(client: TestClient) -> None:
    assert status_and_code(start_fast(client, {"prompt": "test", "duration": 2, "fps": 3})) == (422, "VALIDATION_ERROR")
    assert start_fast(client, {"prompt": "test", "duration": 2, "fps": 4}).status_code == 202


def test_the_same_key_is_the_same_job_and_each_endpoint_has_its_own_keys(client: TestClient) -> None:
    key = str(uuid.uuid4())
    first, repeated = start_fast(client, DOCUMENTED, key=key), start_fast(client, DOCUMENTED, key=key)
    assert (repeated.json(), repeated.headers["Idempotent-Replay"]) == (first.json(), "true")
    assert status_and_code(start_fast(client, {**DOCUMENTED, "duration": 4}, key=key)) == (409, "IDEMPOTENCY_CONFLICT")
    other = client.post(f"{API_ROOT}/generate", json=DOCUMENTED, headers={"Idempotency-Key": key})
    assert (other.status_code, other.json()["job_type"]) == (202, "video_generation")


def test_status_has_the_documented_keys(client: TestClient, opened_job: dict[str, Any]) -> None:
    job = client.get(opened_job["status_url"]).json()
    assert (job["id"], job["status"], job["progress"]) == (str(opened_job["job_id"]), "segments_queued", 0)
    assert (job["total_segments"], job["batch_id"]) == (3, opened_job["batch_id"])
    assert job["estimated_completion"] is None
    assert read_segment_lists(client, opened_job["job_id"]) == ([], [], [1, 2, 3])


def test_each_segment_is_in_one_list_while_the_job_runs(
    client: TestClient, sessions: SessionFactory, opened_job: dict[str, Any]
) -> None:
    job_id = opened_job["job_id"]
    segment(sessions, job_id, 2, SegmentState.PROCESSING)
    assert read_segment_lists(client, job_id) == ([], [], [1, 2, 3])
    segment(sessions, job_id, 1, SegmentState.FAILED)
    segment(sessions, job_id, 3, SegmentState.COMPLETED)
    assert read_segment_lists(client, job_id) == ([3], [1], [2])
    segment(sessions, job_id, 1, SegmentState.QUEUED, attempt=2)
    assert read_segment_lists(client, job_id) == ([3], [], [1, 2])
    segment(sessions, job_id, 1, SegmentState.SUPERSEDED, attempt=3)
    assert read_segment_lists(client, job_id) == ([3], [], [1, 2])


def test_after_the_end_nothing_is_processing(
    client: TestClient, sessions: SessionFactory, opened_job: dict[str, Any]
) -> None:
    job_id = opened_job["job_id"]
    segment(sessions, job_id, 1, SegmentState.COMPLETED)
    segment(sessions, job_id, 2, SegmentState.FAILED)
    segment(sessions, job_id, 3, SegmentState.CANCELLED)
    update_job(sessions, job_id, status=JobStatus.FAILED, error_code="RENDER_FAILED", error_message="No.")
    assert read_segment_lists(client, job_id) == ([1], [2], [])
    assert client.get(opened_job["status_url"]).json()["estimated_completion"] is None


def test_estimate_is_in_words_from_earlier_jobs_and_then_from_its_own_speed(
    served_client: TestClient, sessions: SessionFactory
) -> None:
    client = served_client
    insert_worker(sessions)
    first = start_fast(client, DOCUMENTED).json()
    created_at = datetime.fromisoformat(first["created_at"])
    took = {"started_at": created_at, "ended_at": created_at + timedelta(seconds=240)}
    update_job(sessions, first["job_id"], status=JobStatus.COMPLETED, output_path="/x.mp4", progress=1.0, **took)
    second = start_fast(client, DOCUMENTED).json()
    assert second["estimated_completion"] == "4 minutes"
    status = client.get(second["status_url"]).json()
    assert (status["eta_s"], status["estimated_completion"]) == (240.0, "4 minutes")
    now = datetime.now(UTC)
    running = {"stage": Stage.RENDER, "launch_after": None, "progress": 0.5}
    update_job(sessions, second["job_id"], **running, started_at=now - timedelta(seconds=40), heartbeat_at=now)
    status = client.get(second["status_url"]).json()
    assert (status["eta_s"], status["estimated_completion"]) == (40.0, "40 seconds")
    assert client.get(first["status_url"]).json()["estimated_completion"] is None


def test_list_and_cancel_answer_a_fast_job_with_its_segments(client: TestClient, opened_job: dict[str, Any]) -> None:
    client.post(f"{API_ROOT}/generate", json={"prompt": "one shot"})
    one_shot, fast_job = client.get(f"{API_ROOT}/generation").json()
    assert "total_segments" not in one_shot
    assert (fast_job["job_id"], fast_job["segments_processing"]) == (opened_job["job_id"], [1, 2, 3])
    cancelled = client.post(f"{API_ROOT}/generation/{opened_job['batch_id']}/cancel").json()
    assert (cancelled["status"], cancelled["segments_processing"]) == ("cancelled", [])


def test_force_is_accepted_and_stored(client: TestClient) -> None:
    job = start_fast(client, {**DOCUMENTED, "force": True}).json()
    assert client.get(job["status_url"]).json()["parameters"]["force"] is True
    assert status_and_code(start_fast(client, {**DOCUMENTED, "force": "yes"})) == (422, "VALIDATION_ERROR")
