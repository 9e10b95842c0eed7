"""The serving processes are forked, replaced, and ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from api.serving import MIN_LIFE_S
from tests.conftest import find_free_port

Start = Callable[..., subprocess.Popen[str]]
A = "/api/anime"
COUNT_AT_FORKS = """
import os
def count():  # after the fork is too late: OpenBLAS ends its threads as it begins
    with open(os.environ["COUNTS"], "a") as counts:
        print(len(os.listdir("/proc/self/task")), file=counts)
os.register_at_fork(before=count)
"""
START_A_THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(120,), daemon=True).start()
"""


@pytest.fixture
def port() -> int:
    return find_free_port()


@pytest.fixture
def start(api_database_url: str, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*services: str, **env: str) -> subprocess.Popen[str]:
        service_env = {"TOWER_DATABASE_URL": api_database_url, "TOWER_DATA_DIR": str(tmp_path / "data")}
        service_env["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
        command = [sys.executable, "-m", "api.serving", *services]
        inherited_env = {
            name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"
        }  # as in a user's shell
        process = subprocess.Popen(
            command, env={**inherited_env, **service_env, **env}, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        for child in list_children(process):
            child.kill()
        process.kill()
        process.communicate()


def list_children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def is_answering(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{A}/projects", timeout=20).is_success
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_process_is_replaced_while_the_other_answers(start: Start, port: int) -> None:
    parent = start(f"production:{port}:2")
    wait_until(lambda: is_answering(port))
    killed, other = list_children(parent)
    time.sleep(MIN_LIFE_S)
    killed.kill()
    wait_until(lambda: len(list_children(parent)) == 2 and killed not in list_children(parent))
    assert other.is_running()
    wait_until(lambda: all(is_answering(port) for _ in range(20)))


def test_sigterm_ends_all_processes_and_frees_the_port(start: Start, port: int) -> None:
    parent = start(f"production:{port}:2")
    wait_until(lambda: is_answering(port))
    forked = list_children(parent)
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(20) == 0
    assert not any(child.is_running() for child in forked)
    assert not is_answering(port)


def test_no_process_outlives_a_killed_parent(start: Start, port: int) -> None:
    parent = start(f"production:{port}:2")
    wait_until(lambda: is_answering(port))
    forked = list_children(parent)
    parent.kill()
    parent.wait()
    assert psutil.wait_procs(forked, timeout=20)[1] == []


def test_a_failed_start_ends_all_processes_with_the_reason(start: Start, port: int) -> None:
    process = start(f"production:{port}:2", TOWER_REQUIRE_KEYS="1")
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "tower key create" in output


def test_the_error_names_a_port_in_use(start: Start) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        process = start(f"production:{port}:1")
        output = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert f"tower: port {port} of the production API" in output


def test_the_apis_fork_while_one_thread_runs(start: Start, port: int, tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    run_at_start(tmp_path, COUNT_AT_FORKS)
    parent = start(f"production:{port}:1", f"music:{find_free_port()}:1", PYTHONPATH=str(tmp_path), COUNTS=str(counts))
    wait_until(lambda: is_answering(port))
    assert len(list_children(parent)) == 2
    assert counts.read_text().split() == ["1", "1"]


def test_a_thread_started_by_a_package_prevents_forking(start: Start, port: int, tmp_path: Path) -> None:
    run_at_start(tmp_path, START_A_THREAD)
    process = start(f"production:{port}:1", PYTHONPATH=str(tmp_path))
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "tower: 2 threads run before the production API forks" in output


def run_at_start(folder: Path, code: str) -> None:
    """Make a Python with `folder` in its PYTHONPATH run this code first."""
    (folder / "sitecustomize.py").write_text(code)
