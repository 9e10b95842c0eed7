"""The positions of runs in the queues of a real Prefect server."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests import patient
from tests.fakes.proxy import FakeProxy
from tests.patient import PATIENCE_S
from tower.clients.prefect import FlowRunRequest, PrefectClient
from tower.errors import UnavailableError
from tower.errors.codes import ErrorCode


@pytest.fixture(scope="module")
def deployment(prefect: PrefectClient) -> str:
    with httpx.Client(base_url=prefect.url, timeout=PATIENCE_S) as http:
        flow_id = http.post("/flows/", json={"name": "queueing"}).json()["id"]
        http.post("/work_pools/", json={"name": "queueing", "type": "process", "concurrency_limit": 3})
        deployment_fields = {"name": "queueing", "flow_id": flow_id, "work_pool_name": "queueing"}
        http.post("/deployments/", json=deployment_fields).raise_for_status()
    return "queueing/queueing"


@pytest.fixture
def run_id(prefect: PrefectClient, deployment: str) -> uuid.UUID:
    return prefect.create_flow_run(FlowRunRequest(deployment, "run", {}, (), str(uuid.uuid4())))


def set_state(prefect: PrefectClient, run_id: uuid.UUID, kind: str) -> None:
    answer = patient.post(f"{prefect.url}/flow_runs/{run_id}/set_state", json={"state": {"type": kind}, "force": True})
    answer.raise_for_status()


def test_a_waiting_run_is_due_at_its_latest_scheduled_time(prefect: PrefectClient, run_id: uuid.UUID) -> None:
    run = prefect.get_runs([run_id])[run_id]
    assert run.is_waiting
    assert run.scheduled_for is not None
    assert abs(run.scheduled_for - datetime.now(UTC)) < timedelta(minutes=1)
    due = run.scheduled_for - timedelta(seconds=5, microseconds=1)
    assert prefect.reschedule(run_id, due)
    assert prefect.get_runs([run_id])[run_id].scheduled_for == due


@pytest.mark.parametrize("state_type", ["PENDING", "RUNNING"])
def test_a_run_claimed_by_a_worker_is_not_handed_out_again(
    prefect: PrefectClient, run_id: uuid.UUID, state_type: str
) -> None:
    set_state(prefect, run_id, "PENDING")
    if state_type == "RUNNING":
        set_state(prefect, run_id, "RUNNING")
    assert prefect.reschedule(run_id, datetime.now(UTC)) is False
    run = prefect.get_runs([run_id])[run_id]
    assert (run.state.type, run.is_waiting, run.scheduled_for) == ("PENDING", False, None)
    set_state(prefect, run_id, "COMPLETED")  # The run can still end normally.
    assert prefect.get_states([run_id])[run_id].has_ended


def test_a_run_that_a_worker_has_taken_keeps_its_queue_time(prefect: PrefectClient, run_id: uuid.UUID) -> None:
    due = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert prefect.reschedule(run_id, due)
    set_state(prefect, run_id, "PENDING")
    assert prefect.get_queue_time(run_id) == due


def test_runs_are_found_by_their_idempotency_keys(prefect: PrefectClient, deployment: str) -> None:
    key = str(uuid.uuid4())
    run_id = prefect.create_flow_run(FlowRunRequest(deployment, "run", {}, (), key))
    assert prefect.find_ids([key, "no such key"]) == {key: run_id}


def test_a_pool_reports_its_slots_and_can_be_paused_and_resumed(prefect: PrefectClient, deployment: str) -> None:
    assert prefect.get_work_pool("queueing").slots == 3
    prefect.set_paused("queueing", True)
    assert prefect.get_work_pool("queueing").is_paused
    prefect.set_paused("queueing", False)
    assert not prefect.get_work_pool("queueing").is_paused


@pytest.mark.parametrize("status", [200, 404, 409])
@pytest.mark.parametrize("body", ["<html>Not now</html>", '{"error": "not now"}'])
def test_the_answer_of_a_proxy_is_not_prefects(status: int, body: str) -> None:
    if status == 200 and body.startswith("{"):
        return
    with FakeProxy(status, body) as proxy:
        client = PrefectClient(proxy.url)
        with pytest.raises(UnavailableError) as error:
            client.get_work_pool("gpu")
        client.close()
    assert error.value.code == ErrorCode.PREFECT_UNAVAILABLE


def test_workers_that_start_together_make_each_queue_once(prefect: PrefectClient, deployment: str) -> None:
    names = [f"engine {number}" for number in range(8)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: prefect.make_queues("queueing", names), range(4)))
    made = [queue.name for queue in prefect.list_queues("queueing") if queue.name in names]
    assert sorted(made) == names


def test_an_unknown_pool_raises_an_error_with_a_reason(prefect: PrefectClient) -> None:
    with pytest.raises(UnavailableError, match="404"):
        prefect.get_work_pool("no-such-pool")
