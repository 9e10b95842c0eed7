"""`tower` from a shell: errors are one sentence, exit codes are the documented ones."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.state_files import FileLock
from tests.ports import find_free_offset
from tests.tower.engines.distributions import declaring
from tower.settings import Ports


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    return {**outer, "TOWER_DATA_DIR": str(tmp_path / "data"), "TOWER_PORT_OFFSET": str(find_free_offset())}


def tower(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deployments.cli", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


def sentence(ended: subprocess.CompletedProcess[str]) -> str:
    """What it said on stderr, which is one line."""
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("tower: ")
    return lines[0]


def test_help_names_every_command(env: dict[str, str]) -> None:
    ended = tower(env, "--help")
    assert ended.returncode == 0
    for command in ("up", "generate", "status", "cancel", "doctor", "env", "migrate", "worker"):
        assert f" {command} " in ended.stdout


def test_an_unknown_command_is_wrong_usage(env: dict[str, str]) -> None:
    assert tower(env, "dance").returncode == 2


def test_a_setting_that_cannot_be_read_is_wrong_usage(env: dict[str, str]) -> None:
    ended = tower({**env, "TOWER_PORT_OFFSET": "many"}, "env")
    assert ended.returncode == 2
    assert "TOWER_PORT_OFFSET=many cannot be used" in sentence(ended)


def test_env_without_a_stack_says_how_to_start_one(env: dict[str, str]) -> None:
    ended = tower(env, "env")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "tower up" in sentence(ended)


def test_migrate_without_a_database_says_what_it_needs(env: dict[str, str]) -> None:
    ended = tower(env, "migrate")
    assert ended.returncode == 3
    assert "TOWER_DATABASE_URL" in sentence(ended)


def test_migrate_with_a_database_that_does_not_answer_says_so(env: dict[str, str]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"postgresql://me@127.0.0.1:{held.getsockname()[1]}/none"
        ended = tower({**env, "TOWER_DATABASE_URL": url}, "migrate")
    assert ended.returncode == 3
    assert "Cannot reach the database" in sentence(ended)


def test_a_worker_without_a_stack_to_work_for_says_what_it_needs(env: dict[str, str]) -> None:
    ended = tower(env, "worker", "gpu")
    assert ended.returncode == 3
    assert "PREFECT_API_URL" in sentence(ended)


def test_a_worker_of_an_unknown_pool_is_wrong_usage(env: dict[str, str]) -> None:
    assert tower(env, "worker", "tpu").returncode == 2


def test_up_on_a_folder_that_cannot_be_written_says_so(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    ended = tower(env, "up")
    assert ended.returncode == 3
    assert "cannot be written" in sentence(ended)


def test_up_on_a_port_in_use_names_it_and_starts_nothing(env: dict[str, str], tmp_path: Path) -> None:
    port = Ports.shifted(int(env["TOWER_PORT_OFFSET"])).prefect
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        ended = tower(env, "up")
    assert ended.returncode == 3
    assert f"Port {port}, which Prefect needs" in sentence(ended)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["stack.lock"]


def test_a_second_stack_on_the_same_folder_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lock = FileLock(tmp_path / "data" / "stack.lock")
    lock.acquire("it is free")
    ended = tower(env, "up")
    lock.release()
    assert ended.returncode == 3
    assert "Another stack runs on the data folder" in sentence(ended)


def test_up_with_an_external_database_that_does_not_answer_says_so(env: dict[str, str]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"postgresql://me:secret@127.0.0.1:{held.getsockname()[1]}/none"
        ended = tower({**env, "TOWER_DATABASE_URL": url}, "up")
    assert ended.returncode == 3
    assert "TOWER_DATABASE_URL cannot be used" in sentence(ended)
    assert "secret" not in ended.stderr


def test_the_doctor_works_without_a_stack_and_says_what_it_could_not_see(env: dict[str, str]) -> None:
    ended = tower(env, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ended.stdout)}
    assert ended.returncode == 0, ended.stdout
    assert checks["stack"]["status"] == "warn"
    assert "tower up" in checks["stack"]["mend"]
    for name in ("python", "data folder", "ports", "postgres", "engine", "video codec"):
        assert checks[name]["status"] == "ok", checks[name]
    for name in ("migrations", "prefect"):
        assert checks[name]["status"] == "unknown"
        assert checks[name]["found"] == "the stack is not running"
    assert "not configured" in checks["comfyui"]["found"]


def test_the_doctor_names_an_engine_that_cannot_be_loaded_and_goes_on(env: dict[str, str], tmp_path: Path) -> None:
    declaring(tmp_path, "oil", "import no_such_library")
    ended = tower({**env, "PYTHONPATH": str(tmp_path)}, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(ended.stdout)}
    assert ended.returncode == 1
    assert checks["engine oil"]["status"] == "fail"
    assert "odd:ENTRY of odd 1: ModuleNotFoundError" in checks["engine oil"]["found"]
    assert checks["engine"]["status"] == checks["video codec"]["status"] == "ok"


def test_the_doctor_fails_where_something_fails_and_says_how_to_mend_it(env: dict[str, str]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        ended = tower({**env, "TOWER_COMFYUI_URL": url}, "doctor")
    assert ended.returncode == 1
    assert f"comfyui          {url} does not answer" in ended.stdout
    assert "unset TOWER_COMFYUI_URL" in ended.stdout
