"""A server is healthy when it answers, and a worker while Prefect receives its heartbeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.health import require_part, require_stack
from deployments.worker_plans import plan_standalone_worker
from tests import patient
from tests.api.small_servers import reserve_refusing_address
from tests.ports import find_free_offset
from tower.clients.prefect import PrefectClient
from tower.errors import StackError
from tower.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, prefect: PrefectClient) -> Settings:
    return Settings(data_dir=tmp_path, prefect_api_url=prefect.url, port_offset=find_free_offset())


def test_a_prefect_server_is_healthy_if_it_answers(settings: Settings) -> None:
    require_part(settings, "prefect")
    with reserve_refusing_address() as root, pytest.raises(StackError, match="prefect is not healthy"):
        require_part(settings.model_copy(update={"prefect_api_url": f"{root}/api"}), "prefect")


@pytest.mark.parametrize("part", ["production", "episodes", "music"])
def test_a_server_that_does_not_listen_is_unhealthy(settings: Settings, part: str) -> None:
    with pytest.raises(StackError, match=f"{part} is not healthy at http://127.0.0.1"):
        require_part(settings, part)


def test_a_stack_that_does_not_run_is_unhealthy(settings: Settings) -> None:
    with pytest.raises(StackError, match="No stack is ready"):
        require_stack(settings)


def test_a_worker_is_healthy_under_its_own_name(settings: Settings) -> None:
    pools = f"{settings.prefect_url.used}/work_pools"
    patient.post(f"{pools}/", json={"name": "gpu", "type": "process"})  # another test may have created it
    name = plan_standalone_worker(settings, "gpu", "left").name
    patient.post(f"{pools}/gpu/workers/heartbeat", json={"name": name}).raise_for_status()
    require_part(settings, "gpu", label="left")
    with pytest.raises(StackError, match="no heartbeat"):
        require_part(settings, "gpu", label="right")
