"""The queue on a real Prefect server: its order is the order in which workers get runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.production.app import create_app
from db.engine import SessionFactory
from db.models.workers import WorkerState
from tests.api.api_requests import (
    API_ROOT,
    insert_asset,
    insert_worker,
    start_generation,
    status_and_code,
    update_job,
)
from tests.api.prefect_queue import (
    complete_segment,
    create_deployments,
    delete_live_runs,
    list_scheduled_runs,
    list_segment_ids,
    open_unstarted_job,
    open_waiting_job,
    start_segment,
)
from tower.clients.prefect import PrefectClient
from tower.settings import Settings


@pytest.fixture
def pools(prefect: PrefectClient) -> Iterator[None]:
    create_deployments(prefect)
    delete_live_runs(prefect)
    yield
    prefect.set_paused("gpu", False)
    delete_live_runs(prefect)


@pytest.fixture
def stack(api_database_url: str, prefect: PrefectClient, pools: None) -> Iterator[TestClient]:
    """The service beside the Prefect server."""
    settings = Settings(database_url=api_database_url, prefect_api_url=prefect.url)
    with TestClient(create_app(settings)) as client:
        yield client


def list_queued_jobs(client: TestClient) -> list[dict[str, Any]]:
    answer = client.get(f"{API_ROOT}/queue")
    assert answer.status_code == 200, answer.text
    jobs: list[dict[str, Any]] = answer.json()["jobs"]
    return jobs


def list_waiting_ids(client: TestClient) -> list[int]:
    """The ids of the jobs that wait, in the order of their positions."""
    waiting = [job for job in list_queued_jobs(client) if job["position"] is not None]
    assert sorted(job["position"] for job in waiting) == list(range(1, len(waiting) + 1))
    return [job["job_id"] for job in sorted(waiting, key=lambda job: job["position"])]


def reorder(client: TestClient, job_id: int, **position: int) -> list[int]:
    answer = client.post(f"{API_ROOT}/queue/reorder", json={"job_id": job_id, **position})
    assert answer.status_code == 200, answer.text
    return list_waiting_ids(client)


def test_the_queue_lists_rendering_and_waiting_jobs_in_prefects_order(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    first, second, unbegun = (
        open_waiting_job(sessions, prefect, count=2),
        open_waiting_job(sessions, prefect),
        open_unstarted_job(sessions, prefect),
    )
    rendering, waiting = list_segment_ids(sessions, first)
    assert list_scheduled_runs(prefect, "gpu") == [rendering, waiting, *list_segment_ids(sessions, second)]
    start_segment(sessions, prefect, rendering)
    jobs = list_queued_jobs(stack)
    assert [(job["job_id"], job["state"], job["position"]) for job in jobs] == [
        (first, "rendering", 1),
        (second, "waiting", 2),
        (unbegun, "waiting", 3),
    ]
    segments = [(row["segment"], row["state"], row["worker"]) for row in jobs[0]["segments"]]
    assert segments == [(1, "processing", "gpu@box"), (2, "queued", None)]
    assert jobs[2]["segments"] == []
    assert [job["eta_s"] for job in jobs] == [None, None, None]


def test_a_worker_gets_the_moved_job_next(stack: TestClient, sessions: SessionFactory, prefect: PrefectClient) -> None:
    a, b, c = (open_waiting_job(sessions, prefect, count=2) for _ in range(3))
    answer = stack.post(f"{API_ROOT}/queue/next", json={"job_id": c})
    assert answer.status_code == 200, answer.text
    assert list_waiting_ids(stack) == [c, a, b]
    expected = [row for job in (c, a, b) for row in list_segment_ids(sessions, job)]
    assert list_scheduled_runs(prefect, "gpu") == expected
    priorities = {job["job_id"]: {row["priority"] for row in job["segments"]} for job in list_queued_jobs(stack)}
    assert priorities == {c: {4}, a: {5}, b: {5}}


def test_jobs_are_moved_beside_others_and_to_positions(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    a, b, c, d = (open_waiting_job(sessions, prefect) for _ in range(4))
    assert reorder(stack, d, before=b) == [a, d, b, c]
    assert reorder(stack, a, after=c) == [d, b, c, a]
    assert reorder(stack, b, position=1) == [b, d, c, a]
    assert reorder(stack, b, position=99) == [d, c, a, b]
    assert reorder(stack, c, position=3) == [d, a, c, b]
    assert list_scheduled_runs(prefect, "gpu") == [list_segment_ids(sessions, job)[0] for job in (d, a, c, b)]
    last = open_waiting_job(sessions, prefect)
    assert list_waiting_ids(stack) == [d, a, c, b, last]


def test_an_unstarted_job_moves_among_other_unstarted_jobs(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    begun = open_waiting_job(sessions, prefect)
    x, y = open_unstarted_job(sessions, prefect), open_unstarted_job(sessions, prefect)
    assert reorder(stack, y, position=1) == [begun, y, x]
    assert list_scheduled_runs(prefect, "cpu") == [y, x]
    assert reorder(stack, x, before=begun) == [begun, x, y]
    assert reorder(stack, begun, after=x) == [begun, x, y]


def test_a_job_overtakes_the_waiting_segments_of_a_rendering_job(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    long, short = open_waiting_job(sessions, prefect, count=3), open_waiting_job(sessions, prefect)
    start_segment(sessions, prefect, list_segment_ids(sessions, long)[0])
    assert reorder(stack, short, position=1) == [short, long]
    assert list_scheduled_runs(prefect, "gpu") == [
        *list_segment_ids(sessions, short),
        *list_segment_ids(sessions, long)[1:],
    ]


def test_a_job_that_does_not_wait_cannot_be_moved(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    rendering = open_waiting_job(sessions, prefect)
    waiting = open_waiting_job(sessions, prefect)
    start_segment(sessions, prefect, list_segment_ids(sessions, rendering)[0])
    for body in ({"job_id": rendering, "position": 1}, {"job_id": waiting, "before": rendering}):
        assert status_and_code(stack.post(f"{API_ROOT}/queue/reorder", json=body)) == (409, "CONFLICT")
    assert status_and_code(stack.post(f"{API_ROOT}/queue/next", json={"job_id": 999_999_999})) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [
        {"job_id": 1},
        {"job_id": 1, "position": 1, "before": 2},
        {"job_id": 1, "position": 0},
        {"job_id": 1, "after": 1},
        {"position": 1},
    ],
)
def test_exactly_one_position_must_be_given(client: TestClient, body: dict[str, int]) -> None:
    assert status_and_code(client.post(f"{API_ROOT}/queue/reorder", json=body)) == (422, "VALIDATION_ERROR")


def test_a_paused_queue_starts_nothing_until_it_is_resumed(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    job_id = open_waiting_job(sessions, prefect)
    paused = stack.post(f"{API_ROOT}/queue/pause")
    assert (paused.status_code, paused.json()["paused"]) == (200, True)
    assert list_scheduled_runs(prefect, "gpu") == []
    assert stack.get(f"{API_ROOT}/queue").json()["paused"] is True
    assert stack.post(f"{API_ROOT}/queue/pause").json()["paused"] is True
    assert stack.post(f"{API_ROOT}/queue/resume").json()["paused"] is False
    assert list_scheduled_runs(prefect, "gpu") == list_segment_ids(sessions, job_id)


def test_status_queue_and_waiting_jobs_name_a_paused_pool_in_the_same_words(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    insert_worker(sessions)
    job_id = open_waiting_job(sessions, prefect)
    prefect.set_paused("gpu", True)
    paused = "the work pool gpu is paused: resume it by POST /queue/resume or in Prefect"
    await_readiness(stack, paused)
    assert [job["reason"] for job in list_queued_jobs(stack)] == [paused]
    status = stack.get(f"{API_ROOT}/generation/{job_id}/status").json()
    assert (status["step"], status["eta_s"]) == (f"waiting: {paused}", None)
    prefect.set_paused("gpu", False)
    await_readiness(stack, None)
    assert stack.get(f"{API_ROOT}/generation/{job_id}/status").json()["step"] == "waiting, next in line"


def await_readiness(client: TestClient, reason: str | None) -> None:
    deadline = time.monotonic() + 60
    while (found := client.get(f"{API_ROOT}/status").json()["readiness"])["reason"] != reason:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_cancel_pending_keeps_started_jobs(stack: TestClient, sessions: SessionFactory, prefect: PrefectClient) -> None:
    rendering, half_done = open_waiting_job(sessions, prefect, count=2), open_waiting_job(sessions, prefect, count=2)
    waiting, unstarted = open_waiting_job(sessions, prefect), open_unstarted_job(sessions, prefect)
    start_segment(sessions, prefect, list_segment_ids(sessions, rendering)[0])
    complete_segment(sessions, list_segment_ids(sessions, half_done)[0], insert_asset(sessions, half_done), took_s=1)
    answer = stack.post(f"{API_ROOT}/queue/cancel-pending")
    assert answer.status_code == 200, answer.text
    assert answer.json()["cancelled"] == [waiting, unstarted]
    assert {job["job_id"] for job in answer.json()["jobs"]} == {rendering, half_done}
    assert stack.get(f"{API_ROOT}/generation/{waiting}/status").json()["status"] == "cancelled"
    assert stack.post(f"{API_ROOT}/queue/cancel-pending").json()["cancelled"] == []


def test_estimates_come_from_the_durations_of_segments(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    insert_worker(sessions, slots=2)
    finished, rendering, waiting = (open_waiting_job(sessions, prefect) for _ in range(3))
    complete_segment(sessions, list_segment_ids(sessions, finished)[0], insert_asset(sessions, finished), took_s=8)
    update_job(sessions, finished, status="failed", error_code="X", error_message="No.")
    start_segment(sessions, prefect, list_segment_ids(sessions, rendering)[0])
    etas = {job["job_id"]: job["eta_s"] for job in list_queued_jobs(stack)}
    assert etas == {rendering: 8.0, waiting: 8.0}  # the worker has slots for both
    stack.post(f"{API_ROOT}/queue/pause")
    assert {job["job_id"]: job["eta_s"] for job in list_queued_jobs(stack)} == {rendering: 8.0, waiting: None}


def test_a_waiting_job_says_why_no_worker_can_render_it(
    stack: TestClient, sessions: SessionFactory, prefect: PrefectClient
) -> None:
    open_waiting_job(sessions, prefect)
    [job] = list_queued_jobs(stack)
    assert "no gpu worker is there" in job["reason"]
    resting = {"state": WorkerState.UNWELL, "last_failure": "its disk is full"}
    insert_worker(sessions, **resting)
    [job] = list_queued_jobs(stack)
    assert (job["eta_s"], job["reason"]) == (None, "gpu@box rests: its disk is full")
    status = stack.get(f"{API_ROOT}/generation/{job['job_id']}/status").json()
    assert status["step"] == "waiting: gpu@box rests: its disk is full"


def test_without_prefect_the_queue_comes_from_the_database_and_cannot_be_changed(client: TestClient) -> None:
    first, second = start_generation(client)["job_id"], start_generation(client)["job_id"]
    answer = client.get(f"{API_ROOT}/queue").json()
    assert (answer["paused"], answer["slots"]) == (None, None)
    assert "does not answer" in answer["reason"]
    assert [(job["job_id"], job["position"]) for job in answer["jobs"]] == [(first, 1), (second, 2)]
    assert {job["reason"] for job in answer["jobs"]} == {answer["reason"]}
    for action in ("pause", "resume"):
        assert client.post(f"{API_ROOT}/queue/{action}").status_code == 503
    not_yet = client.post(f"{API_ROOT}/queue/next", json={"job_id": second})
    assert status_and_code(not_yet) == (409, "CONFLICT")
    assert "not reached" in not_yet.json()["error"]["message"]
    assert client.post(f"{API_ROOT}/queue/cancel-pending").json()["cancelled"] == [first, second]
