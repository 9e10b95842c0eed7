"""The state file, and the conditions under which it is trusted."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deployments import state
from deployments.exports import list_exports
from deployments.process import process_started_at
from deployments.stack import find_running
from deployments.state import Addresses, ChildProcess, StackState
from deployments.state_files import FileLock
from tower.errors import StackError
from tower.settings import Settings


@pytest.fixture
def saved_state(tmp_path: Path) -> StackState:
    """A stack whose supervisor is this process."""
    started = process_started_at(os.getpid())
    assert started
    addresses = Addresses(
        production_url="http://127.0.0.1:8428/api/anime",
        episodes_url="http://127.0.0.1:8423/api/anime",
        music_url="http://127.0.0.1:8415/api",
        prefect_api_url="http://127.0.0.1:4300/api",
        prefect_ui_url="http://127.0.0.1:4300",
        database_url="postgresql://tower:it's$HOME@127.0.0.1:5533/anime_production",
        data_dir=tmp_path,
        prefect_auth_string="tower:secret",
    )
    supervisor = ChildProcess("supervisor", os.getpid(), started)
    stack_state = StackState(
        supervisor, "mark", 100, ready=True, addresses=addresses, children=(ChildProcess("postgres", 1, 2.5),)
    )
    state.write(stack_state)
    return stack_state


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_the_state_file_round_trips_and_is_private(saved_state: StackState, tmp_path: Path) -> None:
    assert state.read(tmp_path) == saved_state
    assert stat.S_IMODE((tmp_path / state.FILE_NAME).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [state.FILE_NAME]


def test_a_broken_file_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / state.FILE_NAME).write_text('{"mark": 1}')
    assert state.read(tmp_path) is None


def test_a_ready_stack_runs(saved_state: StackState, settings: Settings) -> None:
    assert find_running(settings) == saved_state.addresses


def test_a_starting_stack_does_not_run_yet(saved_state: StackState, settings: Settings) -> None:
    state.write(replace(saved_state, ready=False))
    assert find_running(settings) is None
    with pytest.raises(StackError, match="still starting"):
        list_exports(settings)


def test_a_stack_with_a_killed_supervisor_does_not_run(saved_state: StackState, settings: Settings) -> None:
    another = replace(saved_state.supervisor, started=saved_state.supervisor.started - 10)
    state.write(replace(saved_state, supervisor=another))
    assert find_running(settings) is None
    with pytest.raises(StackError, match="tower up"):
        list_exports(settings)


def test_a_shell_reads_exports_with_any_content(saved_state: StackState, settings: Settings) -> None:
    script = (
        "\n".join(list_exports(settings))
        + '\nprintf "%s\n%s\n%s" "$TOWER_DATABASE_URL" "$PREFECT_API_AUTH_STRING" "$TOWER_PORT_OFFSET"'
    )
    values = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\n")
    assert values == [saved_state.addresses.database_url, "tower:secret", "100"]


def test_a_lock_has_one_holder_until_its_release(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.acquire("taken")
    first.acquire("it is mine already")
    with pytest.raises(StackError, match="taken"):
        second.acquire("taken")
    first.release()
    second.acquire("taken")
    second.release()
