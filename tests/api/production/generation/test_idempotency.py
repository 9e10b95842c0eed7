"""Every request is stored, and repeating it with its key never opens a second job."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from db.engine import SessionFactory
from db.models.jobs import GenerationRequest, ProductionJob
from tests.api.api_requests import API_ROOT, DOCUMENTED_REQUEST, post_generate, start_generation, status_and_code


def test_every_request_is_stored_as_sent(client: TestClient, sessions: SessionFactory) -> None:
    answer = client.post(f"{API_ROOT}/generate", json=DOCUMENTED_REQUEST, headers={"X-Request-ID": "req_kept"})
    with sessions() as session:
        stored = session.scalars(select(GenerationRequest).filter_by(job_id=answer.json()["job_id"])).one()
    assert stored.body == DOCUMENTED_REQUEST
    assert (stored.endpoint, stored.request_id, stored.status_code) == ("POST /api/anime/generate", "req_kept", 202)
    assert stored.answer == answer.json()


def test_same_key_and_body_replays_the_answer(client: TestClient) -> None:
    key = str(uuid.uuid4())
    first = post_generate(client, key=key)
    repeated = post_generate(client, dict(reversed(DOCUMENTED_REQUEST.items())), key=key)
    assert (repeated.status_code, repeated.headers["Idempotent-Replay"]) == (202, "true")
    assert "Idempotent-Replay" not in first.headers
    assert repeated.json() == first.json()


def test_same_key_with_another_body_is_a_conflict(client: TestClient) -> None:
    key = str(uuid.uuid4())
    post_generate(client, key=key)
    answer = post_generate(client, {**DOCUMENTED_REQUEST, "duration": 4}, key=key)
    assert status_and_code(answer) == (409, "IDEMPOTENCY_CONFLICT")


def test_without_a_key_the_same_body_is_another_job(client: TestClient) -> None:
    assert start_generation(client)["job_id"] != start_generation(client)["job_id"]


def test_refused_request_leaves_no_job_and_frees_its_key(client: TestClient, sessions: SessionFactory) -> None:
    key = str(uuid.uuid4())
    assert post_generate(client, {"prompt": "test", "type": "professional"}, key=key).status_code == 422
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ProductionJob)) == 0
    answer = post_generate(client, {"prompt": "test"}, key=key)
    assert (answer.status_code, answer.headers.get("Idempotent-Replay")) == (202, None)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "schlüssel".encode("latin-1")])
def test_odd_key_is_refused(client: TestClient, key: str | bytes) -> None:
    answer = client.post(f"{API_ROOT}/generate", json=DOCUMENTED_REQUEST, headers=[(b"Idempotency-Key", key)])
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == "Idempotency-Key"


def test_eight_simultaneous_requests_with_one_key_open_one_job(client: TestClient, sessions: SessionFactory) -> None:
    key = str(uuid.uuid4())
    body = {"prompt": f"at once {uuid.uuid4()}"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: post_generate(client, body, key=key), range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert sorted(answer.headers.get("Idempotent-Replay", "") for answer in answers) == ["", *["true"] * 7]
    with sessions() as session:
        assert session.scalar(select(func.count()).where(ProductionJob.prompt == body["prompt"])) == 1
