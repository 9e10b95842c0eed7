"""The whole stack, as `tower up` starts it, on shifted ports and a separate data folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from db.engine import SessionFactory, open_engine, session_factory
from deployments import stack as stacks
from deployments.state import Addresses
from tests import patient
from tests.ports import find_free_offset
from tests.tower.engines.distributions import documented, lay_down
from tower.clients.prefect import PrefectClient
from tower.clients.production import END_STATUSES, ProductionClient
from tower.settings import Settings

TOWER = (sys.executable, "-m", "deployments.cli")
START_TIMEOUT_S, JOB_TIMEOUT_S = 300, 300


@dataclass(frozen=True)
class RunningStack:
    """A running stack and its clients."""

    env: dict[str, str]
    addresses: Addresses
    api: ProductionClient
    prefect: PrefectClient
    sessions: SessionFactory
    process: subprocess.Popen[bytes]

    @property
    def prefect_url(self) -> str:
        """The URL of Prefect's API with its secret, which httpx sends."""
        return self.addresses.prefect_api_url.replace("://", f"://{self.addresses.prefect_auth_string}@")

    def wait_for_job(
        self, job_id: int, condition: Callable[[dict[str, Any]], bool], *, limit_s: float = JOB_TIMEOUT_S
    ) -> dict[str, Any]:
        """Wait for the first matching status; another final status fails the test."""
        deadline = time.monotonic() + limit_s
        while not condition(job := self.api.get_status(job_id)):
            assert job["status"] not in END_STATUSES, f"ended too soon: {job}"
            assert time.monotonic() < deadline, f"the status does not match after {limit_s} s: {job}"
            time.sleep(0.1)
        return job

    def wait_for_end(self, job_id: int) -> dict[str, Any]:
        return self.wait_for_job(job_id, lambda job: job["status"] in END_STATUSES)

    def run_tower(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TOWER, *arguments], env=self.env, capture_output=True, text=True, timeout=JOB_TIMEOUT_S, check=False
        )

    def prefect_run(self, flow_run_id: object) -> dict[str, Any]:
        answer = patient.get(f"{self.prefect_url}/flow_runs/{flow_run_id}").raise_for_status().json()
        assert isinstance(answer, dict)
        return answer

    def read_job_page(self, job_id: int) -> str:
        """The artifacts of a run in the Prefect UI, shortly after its job has ended."""
        query = {"artifacts": {"key": {"any_": [f"job-{job_id}"]}}}
        deadline = time.monotonic() + 60
        while not (artifacts := patient.post(f"{self.prefect_url}/artifacts/filter", json=query).json()):
            assert time.monotonic() < deadline, "the run left no page"
            time.sleep(0.1)
        page: str = artifacts[0]["data"]
        return page

    def delete_run(self, flow_run_id: object) -> None:
        patient.delete(f"{self.prefect_url}/flow_runs/{flow_run_id}").raise_for_status()

    def kill_run(self, flow_run_id: object) -> None:
        """Kill the process of a running flow run."""
        killed = [process for process in psutil.process_iter() if _kill_if_of(process, str(flow_run_id))]
        assert killed, f"no process of run {flow_run_id}"


def build_environment(data: Path) -> dict[str, str]:
    """The environment of a user's shell, without the addresses of an outer stack."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    return {**outer, "TOWER_DATA_DIR": str(data), "TOWER_PORT_OFFSET": str(find_free_offset())}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    data = tmp_path_factory.mktemp("stack")
    for folder in (data, *data.parents):  # for root, PostgreSQL runs as the user `nobody`, who needs access
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o711)
    third_engine = lay_down(tmp_path_factory.mktemp("engine"), documented())  # of docs/engines.md
    path = os.pathsep.join(filter(None, (str(third_engine), os.environ.get("PYTHONPATH"))))
    env = {**build_environment(data), "PYTHONPATH": path, "TOWER_WEBHOOK_PRIVATE": "1"}  # for receivers of the tests
    log = data / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen([*TOWER, "up"], env=env, stdout=out, stderr=subprocess.STDOUT)
    try:
        addresses = _ready(Settings(data_dir=data), process, log)
        engine = open_engine(addresses.database_url, application="tests")
        with ProductionClient(addresses.production_url) as api:
            yield RunningStack(env, addresses, api, addresses.open_prefect(), session_factory(engine), process)
        engine.dispose()
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert not _list_leftover_commands(data), "the stack left processes behind"


def _ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> Addresses:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (addresses := stacks.find_running(settings)) is None:
        assert process.poll() is None, f"tower up ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"tower up is not ready: {log.read_text()}"
        time.sleep(0.1)
    return addresses


def _kill_if_of(process: psutil.Process, flow_run_id: str) -> bool:
    try:
        if "tower-warm-run" not in " ".join(process.cmdline()):
            return False
        if process.environ().get("PREFECT__FLOW_RUN_ID") != flow_run_id:
            return False
        process.kill()
    except psutil.Error:  # it has ended, or belongs to another user
        return False
    return True


def _list_leftover_commands(data: Path) -> list[str]:
    commands = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TOWER_DATA_DIR") == str(data):
                commands.append(" ".join(process.cmdline()))
        except psutil.Error:  # it has ended, or belongs to another user
            continue
    return commands
