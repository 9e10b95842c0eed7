"""Why no run begins: what a real Prefect server says about its pools and queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import patient
from tests.api.prefect_queue import create_deployments
from tests.api.small_servers import reserve_refusing_address, serve_silence
from tower.clients.prefect import PrefectClient
from tower.rendering.run_queues import RunQueues

GPU, QUEUE = "/work_pools/gpu", "/work_pools/gpu/queues/default"
OPEN: dict[str, Any] = {"is_paused": False, "concurrency_limit": None}
STOPS = [
    (GPU, {"is_paused": True}, "the work pool gpu is paused: resume it by POST /queue/resume or in Prefect"),
    (GPU, {"concurrency_limit": 0}, "the work pool gpu runs nothing: its concurrency limit in Prefect is 0"),
    (QUEUE, {"is_paused": True}, "the queue default of the work pool gpu is paused: resume it in Prefect"),
    (QUEUE, {"concurrency_limit": 0}, "the queue default of the work pool gpu runs nothing: its limit in Prefect is 0"),
]


@pytest.fixture
def queues(prefect: PrefectClient) -> Iterator[RunQueues]:
    create_deployments(prefect)
    opened = RunQueues(prefect, fresh_s=0)
    yield opened
    opened.close()
    for pool in ("cpu", "gpu"):
        for path in (f"/work_pools/{pool}", f"/work_pools/{pool}/queues/default"):
            patient.patch(f"{prefect.url}{path}", json=OPEN).raise_for_status()


@pytest.mark.parametrize(("path", "change", "reason"), STOPS)
def test_a_stopped_gpu_queue_is_named(
    queues: RunQueues, prefect: PrefectClient, path: str, change: dict[str, Any], reason: str
) -> None:
    assert queues.find_stop("animatic", begins=True) is None
    patient.patch(f"{prefect.url}{path}", json=change).raise_for_status()
    assert queues.find_stop("animatic", begins=False) == queues.find_stop("animatic", begins=True) == reason


def test_a_paused_cpu_pool_stops_only_a_job_that_has_not_begun(queues: RunQueues, prefect: PrefectClient) -> None:
    prefect.set_paused("cpu", True)
    assert queues.find_stop("animatic", begins=True) == "the work pool cpu is paused: resume it in Prefect"
    assert queues.find_stop("animatic", begins=False) is None


def test_a_paused_queue_of_another_engine_stops_nothing(queues: RunQueues, prefect: PrefectClient) -> None:
    prefect.make_queues("gpu", ["sketch"])
    patient.patch(f"{prefect.url}/work_pools/gpu/queues/sketch", json={"is_paused": True}).raise_for_status()
    assert queues.find_stop("animatic", begins=True) is None
    assert "queue sketch" in (queues.find_stop("sketch", begins=True) or "")


def test_a_server_that_is_away_or_silent_stops_all() -> None:
    with reserve_refusing_address() as away:
        client = PrefectClient(f"{away}/api")
        found = RunQueues(client).find_stop("animatic", begins=True)
        assert found == f"Prefect does not answer at {away}/api: Connection refused"
    with serve_silence() as silent:
        client = PrefectClient(f"{silent}/api", timeout_s=0.2)
        found = RunQueues(client).find_stop("animatic", begins=False)
        assert found == f"Prefect does not answer at {silent}/api: it took too long"
