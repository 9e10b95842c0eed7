"""Why no run begins: what a real Prefect server says about its pools and queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from tests import patient
from tests.api.prefect_queue import CPU_WORKER, create_deployments
from tests.api.small_servers import reserve_refusing_address, serve_silence
from tower.clients.prefect import PrefectClient
from tower.engines.comfyui.servers import ComfyUIServers
from tower.rendering.forecast import forecast_job
from tower.rendering.run_queues import RunQueues
from tower.rendering.studio import Studio
from tower.settings import Settings

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


def test_without_a_cpu_worker_no_job_begins(queues: RunQueues, prefect: PrefectClient) -> None:
    assert queues.find_stop("animatic", begins=True) is None
    patient.delete(f"{prefect.url}/work_pools/cpu/workers/{CPU_WORKER['name']}").raise_for_status()
    missing = "no cpu worker is there: start one with `tower up` or `tower worker cpu`"
    assert queues.find_stop("animatic", begins=True) == missing
    assert queues.find_stop("animatic", begins=False) is None


def test_a_film_that_waits_for_a_missing_cpu_worker_says_so(
    queues: RunQueues, prefect: PrefectClient, session: Session
) -> None:
    film = ProductionJob(job_type=JobType.FILM, prompt="", parameters={}, comfyui_job_id=uuid4(), seed=0)
    session.add(film)
    session.flush()
    studio = Studio(Settings(), ComfyUIServers(), queues)
    patient.delete(f"{prefect.url}/work_pools/cpu/workers/{CPU_WORKER['name']}").raise_for_status()
    assert queues.find_stop("animatic", begins=True) is not None  # it has asked
    assert (forecast_job(session, film, studio).step or "").startswith("waiting: no cpu worker is there")


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
