"""`tower` from a shell: errors are one sentence, and exit codes are as documented."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.cli import main
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


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The single line on stderr."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("tower: ")
    return lines[0]


def test_help_names_every_command(env: dict[str, str]) -> None:
    result = tower(env, "--help")
    assert result.returncode == 0
    for command in ("up", "generate", "status", "cancel", "doctor", "env", "migrate", "worker"):
        assert f" {command} " in result.stdout


def test_an_option_without_a_value_is_shown_without_a_type(env: dict[str, str]) -> None:
    result = tower(env, "scene", "list", "--help")
    assert "--json" in result.stdout
    assert "<bool>" not in result.stdout


def test_an_unknown_command_is_a_usage_error(env: dict[str, str]) -> None:
    assert tower(env, "dance").returncode == 2


def test_an_invalid_setting_is_a_usage_error(env: dict[str, str]) -> None:
    result = tower({**env, "TOWER_PORT_OFFSET": "many"}, "env")
    assert result.returncode == 2
    assert "TOWER_PORT_OFFSET=many cannot be used" in sentence(result)


def test_env_without_a_stack_explains_how_to_start_one(env: dict[str, str]) -> None:
    result = tower(env, "env")
    assert (result.returncode, result.stdout) == (3, "")
    assert "tower up" in sentence(result)
    assert env["TOWER_DATA_DIR"] in sentence(result)


def test_migrate_without_a_database_names_the_missing_setting(env: dict[str, str]) -> None:
    result = tower(env, "migrate")
    assert result.returncode == 3
    assert "TOWER_DATABASE_URL" in sentence(result)


def test_migrate_reports_a_database_that_does_not_answer(env: dict[str, str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/none"
        result = tower({**env, "TOWER_DATABASE_URL": url}, "migrate")
    assert result.returncode == 3
    assert "Cannot reach the database" in sentence(result)


def test_a_worker_without_a_stack_names_the_missing_setting(env: dict[str, str]) -> None:
    result = tower(env, "worker", "gpu")
    assert result.returncode == 3
    assert "PREFECT_API_URL" in sentence(result)


def test_a_worker_of_an_unknown_pool_is_a_usage_error(env: dict[str, str]) -> None:
    assert tower(env, "worker", "tpu").returncode == 2


def test_up_reports_a_folder_that_is_not_writable(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    result = tower(env, "up")
    assert result.returncode == 3
    assert "cannot be written" in sentence(result)


def test_up_names_a_port_in_use_and_starts_nothing(env: dict[str, str], tmp_path: Path) -> None:
    port = Ports.shifted(int(env["TOWER_PORT_OFFSET"])).prefect
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        result = tower(env, "up")
    assert result.returncode == 3
    assert f"Port {port}, which Prefect needs" in sentence(result)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["stack.lock"]


def test_a_second_stack_on_the_same_folder_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    lock = FileLock(tmp_path / "data" / "stack.lock")
    lock.acquire("it is free")
    result = tower(env, "up")
    lock.release()
    assert result.returncode == 3
    assert "Another stack runs on the data folder" in sentence(result)


def test_up_reports_an_external_database_that_does_not_answer(env: dict[str, str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"postgresql://me:secret@127.0.0.1:{listener.getsockname()[1]}/none"
        result = tower({**env, "TOWER_DATABASE_URL": url}, "up")
    assert result.returncode == 3
    assert "TOWER_DATABASE_URL cannot be used" in sentence(result)
    assert "secret" not in result.stderr


def test_the_doctor_works_without_a_stack_and_lists_skipped_checks(env: dict[str, str]) -> None:
    result = tower(env, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.returncode == 0, result.stdout
    assert checks["stack"]["status"] == "warn"
    assert "tower up" in checks["stack"]["mend"]
    for name in ("python", "data folder", "ports", "postgres", "engine", "video codec"):
        assert checks[name]["status"] == "ok", checks[name]
    for name in ("migrations", "prefect"):
        assert checks[name]["status"] == "unknown"
        assert checks[name]["found"] == "the stack is not running"
    assert "not configured" in checks["comfyui"]["found"]


def test_the_doctor_names_a_broken_engine_and_continues(env: dict[str, str], tmp_path: Path) -> None:
    declaring(tmp_path, "oil", "import no_such_library")
    result = tower({**env, "PYTHONPATH": str(tmp_path)}, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert result.returncode == 1
    assert checks["engine oil"]["status"] == "fail"
    assert "odd:ENTRY of odd 1: ModuleNotFoundError" in checks["engine oil"]["found"]
    assert checks["engine"]["status"] == checks["video codec"]["status"] == "ok"


def test_the_doctor_fails_with_a_fix_when_a_check_fails(env: dict[str, str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = tower({**env, "TOWER_COMFYUI_URL": url}, "doctor")
    assert result.returncode == 1
    assert f"comfyui          {url} does not answer" in result.stdout
    assert "unset TOWER_COMFYUI_URL" in result.stdout


def test_a_command_called_as_a_function_leaves_the_umask(capsys: pytest.CaptureFixture[str]) -> None:
    before = os.umask(0o022)
    try:
        with pytest.raises(SystemExit):
            main(["--version"])
        assert capsys.readouterr().out
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
