"""The sweep of orphaned runs, against a small server with Prefect's REST API."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployments.orphaned_runs import OrphanedRunSweeper, find_runs_with_process
from tests.api.small_servers import reserve_refusing_address, serve
from tower.clients.prefect import WORKER_LABEL

OURS = "cpu@box-1a2b3c"


class Prefect:
    """The runs that the server stores."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.ahead_s = 0.0

    def add(self, kind: str, *, worker: str | None = OURS, age_s: float = 100, pool: str = "cpu") -> str:
        run_id = str(uuid.uuid4())
        since = (datetime.now(UTC) + timedelta(seconds=self.ahead_s - age_s)).isoformat()
        state = {"id": str(uuid.uuid4()), "type": kind, "name": kind.title(), "timestamp": since}
        labels = {WORKER_LABEL: worker} if worker else {}
        self.runs[run_id] = {"id": run_id, "name": f"run-{len(self.runs)}", "state": state, "labels": labels}
        self.runs[run_id]["work_pool_name"] = pool
        return run_id

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/api/flow_runs/filter":
            types = body["flow_runs"]["state"]["type"]["any_"]
            return 200, [run for run in self.runs.values() if run["state"]["type"] in types]
        run = self.runs[path.split("/")[3]]
        if method == "POST":
            run["state"] = {**run["state"], "id": str(uuid.uuid4()), **body["state"]}
        return 200, run

    def state(self, run_id: str) -> str:
        return str(self.runs[run_id]["state"]["type"])


@pytest.fixture
def prefect() -> Prefect:
    return Prefect()


@pytest.fixture
def url(prefect: Prefect) -> Iterator[str]:
    with serve(prefect.answer) as root:
        yield f"{root}/api"


def sweep(url: str, *living: str) -> None:
    OrphanedRunSweeper(url, frozenset({OURS}), find_live_runs=lambda: set(living)).sweep()


@pytest.mark.parametrize(
    ("before", "after"), [("RUNNING", "CRASHED"), ("PENDING", "CRASHED"), ("CANCELLING", "CANCELLED")]
)
def test_a_run_without_a_process_is_ended(prefect: Prefect, url: str, before: str, after: str) -> None:
    run = prefect.add(before)
    sweep(url)
    assert prefect.state(run) == after


def test_a_run_with_a_process_is_not_ended(prefect: Prefect, url: str) -> None:
    run = prefect.add("RUNNING")
    sweep(url, run)
    assert prefect.state(run) == "RUNNING"


@pytest.mark.parametrize("worker", ["gpu@another-box-77ab12", None])
def test_a_run_of_another_machine_is_not_ended(prefect: Prefect, url: str, worker: str | None) -> None:
    run = prefect.add("RUNNING", worker=worker)
    sweep(url)
    assert prefect.state(run) == "RUNNING"


@pytest.mark.parametrize(("kind", "age_s"), [("RUNNING", 5), ("CANCELLING", 5), ("PENDING", 30)])
def test_a_run_with_a_recent_state_is_not_ended(prefect: Prefect, url: str, kind: str, age_s: float) -> None:
    run = prefect.add(kind, age_s=age_s)
    sweep(url)
    assert prefect.state(run) == kind


def test_a_run_that_ends_during_the_sweep_keeps_its_final_state(prefect: Prefect, url: str) -> None:
    run = prefect.add("RUNNING")

    def complete_run() -> set[str]:
        prefect.runs[run]["state"] = {**prefect.runs[run]["state"], "id": "another", "type": "COMPLETED"}
        return set()

    OrphanedRunSweeper(url, frozenset({OURS}), find_live_runs=complete_run).sweep()
    assert prefect.state(run) == "COMPLETED"


@pytest.mark.parametrize(
    ("pool", "age_s", "after"),
    [("cpu", 200, "CRASHED"), ("gpu", 200, "CRASHED"), ("cpu", 100, "PENDING"), ("theirs", 999, "PENDING")],
)
def test_a_run_that_a_worker_took_and_never_labelled_is_ended(
    prefect: Prefect, url: str, pool: str, age_s: float, after: str
) -> None:
    run = prefect.add("PENDING", worker=None, age_s=age_s, pool=pool)
    sweep(url)
    assert prefect.state(run) == after


@pytest.mark.parametrize("ahead_s", [-600, 600])
@pytest.mark.parametrize(("worker", "young_s", "old_s"), [(OURS, 30, 100), (None, 100, 200)])
def test_the_age_of_a_run_is_measured_by_the_clock_of_the_server(
    prefect: Prefect, ahead_s: float, worker: str | None, young_s: float, old_s: float
) -> None:
    prefect.ahead_s = ahead_s
    young, old = (prefect.add("PENDING", worker=worker, age_s=age_s) for age_s in (young_s, old_s))
    with serve(prefect.answer, ahead_s=ahead_s) as root:
        sweep(f"{root}/api")
    assert (prefect.state(young), prefect.state(old)) == ("PENDING", "CRASHED")


def test_a_silent_server_is_left_for_the_next_pass(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="deployments.orphaned_runs"), reserve_refusing_address() as root:
        sweep(f"{root}/api")
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["Prefect did not answer the sweep"]


def test_running_processes_are_found_by_their_environment() -> None:
    run = str(uuid.uuid4())
    with subprocess.Popen(["sleep", "60"], env={**os.environ, "PREFECT__FLOW_RUN_ID": run}) as process:
        assert run in find_runs_with_process()
        process.kill()
