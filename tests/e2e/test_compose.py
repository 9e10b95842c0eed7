"""Runs compose.yaml without Docker, service by service, each after the ones that it depends on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import yaml

from deployments import ports
from deployments.postgres import EmbeddedPostgres
from tests import patient
from tests.conftest import find_free_port
from tests.deployments.processes import make_open_folder
from tests.e2e.compose_file import ROOT, ComposeService, interpolate, read_image_config, read_services
from tests.ports import find_free_offset
from tower.settings import Settings

VARIABLES = {"POSTGRES_PASSWORD": "secret", "PREFECT_API_AUTH_STRING": "tower:secret"}
READY_S = 240


@dataclass(frozen=True)
class Machine:
    """One machine instead of the containers: their names become loopback addresses, and /data a folder."""

    data: Path
    offset: int
    postgres: EmbeddedPostgres

    def env(self, service: ComposeService) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        variables = {name: self._here(value) for name, value in service.env.items()}
        return {**outer, **variables, "PATH": path, "TOWER_PORT_OFFSET": str(self.offset)}

    def _here(self, value: str) -> str:
        """The address or path on this machine for one of a container."""
        if "@postgres:5432/" in value:
            return self.postgres.url(value.rpartition("/")[2])
        ours = Settings(port_offset=self.offset).ports
        for host in ("prefect", "127.0.0.1"):
            value = value.replace(f"http://{host}:4200", f"http://127.0.0.1:{ours.prefect}")
        return str(self.data) if value == "/data" else value

    def run(self, service: ComposeService, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a service that ends; `arguments` replace its command, as with `docker compose run`."""
        argv = [service.argv[0], *arguments] if arguments else service.argv
        result = subprocess.run(
            argv, env=self.env(service), capture_output=True, text=True, timeout=READY_S, check=False
        )
        assert result.returncode == 0, f"{argv}: {result.stderr}"
        return result

    def complaint(self, service: ComposeService) -> str:
        """The complaint of its health check; empty if it is healthy."""
        check = subprocess.run(
            service.health, env=self.env(service), capture_output=True, text=True, timeout=60, check=False
        )
        return check.stderr if check.returncode else ""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with make_open_folder() as folder, ExitStack() as end:
        server = EmbeddedPostgres(folder / "postgres", find_free_port())
        server.start()
        end.callback(server.stop)
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("drop database prefect")  # the image creates one database, and this server has another
        yield Machine(folder / "data", find_free_offset(), server)


@pytest.fixture(scope="module")
def logs(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The logs of all long-running services, started in the order of the file until each is healthy."""
    folder, waiting, ready = tmp_path_factory.mktemp("compose"), read_services(VARIABLES), {"postgres"}
    logs_by_name: dict[str, Path] = {}
    with ExitStack() as end:
        while waiting:
            startable = [service for service in waiting.values() if service.needs <= ready]
            assert startable, f"these wait for each other: {sorted(waiting)}"
            for service in startable:
                if service.health:
                    logs_by_name[service.name] = folder / f"{service.name}.log"
                    end.callback(_stop, _started(machine, service, logs_by_name[service.name]))
                else:
                    machine.run(service)
                if service.name == "migrate":
                    machine.run(service, "key", "create", "laptop", "--scope", "admin")
            for service in startable:
                if service.health:
                    _wait_for(machine, service, logs_by_name[service.name])
                ready.add(waiting.pop(service.name).name)
        yield logs_by_name


def test_every_service_becomes_healthy(logs: dict[str, Path]) -> None:
    assert set(logs) == {"prefect", "production", "episodes", "music", "worker-cpu", "worker-gpu", "worker-comfyui"}


def test_prefect_creates_its_own_database(logs: dict[str, Path], machine: Machine) -> None:
    with psycopg.connect(machine.postgres.url("prefect")) as connection:
        names = {name for (name,) in connection.execute("select name from deployment")}
    assert {"standard", "render", "fast"} <= names


def test_the_apis_require_the_documented_key(logs: dict[str, Path], machine: Machine) -> None:
    token = machine.run(read_services(VARIABLES)["migrate"], "key", "create", "phone", "--scope", "read").stdout.strip()
    url = f"{Settings(port_offset=machine.offset).production_url}/projects"
    assert patient.get(url).status_code == 401
    assert patient.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_service_that_does_not_run_is_unhealthy(machine: Machine) -> None:
    production = read_services(VARIABLES)["production"]
    elsewhere = Machine(machine.data, find_free_offset(), machine.postgres)
    assert "production is not healthy" in elsewhere.complaint(production)


def test_only_loopback_of_the_host_reaches_the_servers() -> None:
    file = yaml.safe_load(interpolate((ROOT / "compose.yaml").read_text(), VARIABLES))
    published = [entry for service in file["services"].values() for entry in service.get("ports", ())]
    assert sorted(published) == [f"127.0.0.1:{port}:{port}" for port in (4200, 8315, 8323, 8328)]


def test_a_password_must_be_chosen() -> None:
    with pytest.raises(KeyError):
        read_services({})


def test_the_image_is_not_root_and_starts_the_whole_stack() -> None:
    image = read_image_config()
    assert (image["user"], image["entrypoint"], image["command"]) == ("tower", ["tower"], ["up"])
    assert image["health"] == ["tower", "health"]


def test_the_image_copies_every_package_and_installation_file() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {line.split()[1] for line in dockerfile.splitlines() if line.startswith("COPY ") and "--from" not in line}
    packages = {folder.name for folder in ROOT.iterdir() if (folder / "py.typed").exists()}
    assert packages <= copied
    assert "prefect.yaml" in copied
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert packages | {"prefect.yaml", "pyproject.toml", "constraints.txt"} <= allowed


def _started(machine: Machine, service: ComposeService, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(service.argv, env=machine.env(service), stdout=out, stderr=subprocess.STDOUT)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)


def _wait_for(machine: Machine, service: ComposeService, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not _is_started(machine, service, log):  # a health check is a process and would slow the start down
        assert time.monotonic() < deadline, f"{service.name} does not start: {log.read_text()[-2000:]}"
        time.sleep(0.2)
    while complaint := machine.complaint(service):
        assert time.monotonic() < deadline, f"{service.name}: {complaint}{log.read_text()[-2000:]}"


def _is_started(machine: Machine, service: ComposeService, log: Path) -> bool:
    """Whether its port accepts connections; for a worker, whether its log reports that it takes runs."""
    if service.name.startswith("worker-"):
        return "takes runs from" in log.read_text()
    port = getattr(Settings(port_offset=machine.offset).ports, service.name)
    return not ports.is_free(port)
