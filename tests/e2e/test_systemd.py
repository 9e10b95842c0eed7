"""Runs the systemd units' commands and ends them as systemd does."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployments.processes import make_open_folder
from tests.e2e import unit_file
from tests.e2e.conftest import START_TIMEOUT_S, build_environment
from tests.e2e.unit_file import UNITS, Unit

NAMES = ("tower.service", "tower-worker@.service")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder in place of /var/lib/tower."""
    with make_open_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def env(data: Path) -> dict[str, str]:
    values = {
        name: value.replace("/var/lib/tower", str(data)) for name, value in unit_file.read_unit(NAMES[0]).env.items()
    }
    return {**build_environment(data), **values}


@pytest.fixture(scope="module")
def stack(env: dict[str, str], data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """tower.service, started and ready."""
    process = _started(unit_file.read_unit("tower.service"), env, data.with_name("up.log"))
    try:
        _wait_for(process, data.with_name("up.log"), "Tower is up after")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=90)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd on this machine")
@pytest.mark.parametrize("name", NAMES)
def test_systemd_reports_only_that_tower_is_not_installed(name: str) -> None:
    command = ["systemd-analyze", "verify", "--man=no", str(UNITS / name)]
    faults = subprocess.run(command, capture_output=True, text=True, check=False).stderr.splitlines()
    ours = [fault for fault in faults if name.partition(".")[0].rstrip("@") in fault]
    assert not [fault for fault in ours if "/opt/tower/.venv/bin/tower is not executable" not in fault]


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_has_no_privileges_and_restarts_after_a_failure(name: str) -> None:
    service = unit_file.read_unit(name, instance="left").sections["Service"]
    assert (service["User"], service["NoNewPrivileges"], service["CapabilityBoundingSet"]) == ("tower", "yes", "")
    assert (service["ProtectSystem"], service["StateDirectory"]) == ("strict", "tower")
    assert (service["Restart"], service["KillMode"]) == ("on-failure", "mixed")


def test_an_additional_worker_takes_runs_and_ends_cleanly(
    stack: subprocess.Popen[bytes], env: dict[str, str], data: Path
) -> None:
    unit = unit_file.read_unit("tower-worker@.service", instance="left")
    exports = subprocess.run([BIN / "tower", "env"], env=env, capture_output=True, text=True, check=True).stdout
    addresses = dict(line.removeprefix("export ").split("=", 1) for line in exports.splitlines())
    ours = {**env, **{name: value.strip("'") for name, value in addresses.items()}}
    process = _started(unit, ours, data.with_name("worker.log"))
    try:
        _wait_for(process, data.with_name("worker.log"), "takes runs from")
        assert not _complaint(ours, "gpu", "--name", "left")
    finally:
        process.terminate()
    assert process.wait(timeout=90) == 0


def test_the_stack_ends_cleanly(stack: subprocess.Popen[bytes], env: dict[str, str]) -> None:
    assert not _complaint(env)
    stack.send_signal(signal.SIGTERM)
    assert stack.wait(timeout=90) == 0
    assert "No stack is ready" in _complaint(env)


def _started(unit: Unit, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    assert unit.argv[0] == "/opt/tower/.venv/bin/tower"
    with log.open("wb") as out:
        return subprocess.Popen([BIN / "tower", *unit.argv[1:]], env=env, stdout=out, stderr=subprocess.STDOUT)


def _wait_for(process: subprocess.Popen[bytes], log: Path, sentence: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while sentence not in log.read_text():
        assert process.poll() is None, f"it ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"it is not ready: {log.read_text()}"
        time.sleep(0.1)


def _complaint(env: dict[str, str], *part: str) -> str:
    """The complaint of `tower health`; empty if it is healthy."""
    check = subprocess.run([BIN / "tower", "health", *part], env=env, capture_output=True, text=True, check=False)
    return check.stderr if check.returncode else ""
