"""How the supervisor sees a worker whose Prefect server is another machine, with a clock of its own."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployments.process import Command, Process
from deployments.services import WorkerHealth, measure_clock_lag_s
from tests.api.small_servers import reserve_refusing_address, serve
from tower.clients.prefect import PrefectClient


@pytest.mark.parametrize("ahead_s", [-600, 0, 600])
@pytest.mark.parametrize(("silent_s", "is_online"), [(0, True), (30, False)])
def test_a_heartbeat_after_the_start_of_the_worker_counts(ahead_s: float, silent_s: float, *, is_online: bool) -> None:
    heartbeat = (datetime.now(UTC) + timedelta(seconds=ahead_s - silent_s)).isoformat()
    worker = {"name": "gpu@box", "status": "ONLINE", "last_heartbeat_time": heartbeat}

    def answer(_method: str, _path: str, _body: Any) -> tuple[int, Any]:
        return 200, [worker]

    with serve(answer, ahead_s=ahead_s) as root:
        health = WorkerHealth(PrefectClient(f"{root}/api"), "gpu", "gpu@box")
        health.watch_from_now(Process(Command("worker", (), log=os.devnull, env={})))  # type: ignore[arg-type]
        assert health.is_online() is is_online


@pytest.mark.parametrize(("behind_s", "lag_s"), [(-300, 0), (0, 0), (300, 300)])
def test_the_lag_of_a_clock_is_measured(behind_s: float, lag_s: int) -> None:
    with serve(lambda _method, _path, _body: (200, "3.9.1")) as root:
        measured_s = measure_clock_lag_s(
            PrefectClient(f"{root}/api"), clock=lambda: datetime.now(UTC) - timedelta(seconds=behind_s)
        )
    assert lag_s <= measured_s <= lag_s + (1 if lag_s else 0)


def test_without_prefect_the_clock_has_no_lag() -> None:
    with reserve_refusing_address() as root:
        assert measure_clock_lag_s(PrefectClient(f"{root}/api")) == 0
