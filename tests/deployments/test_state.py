"""The state file, and who may believe it."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deployments import state
from deployments.exports import exports
from deployments.process import started_at
from deployments.stack import running
from deployments.state import Addresses, Child, State
from deployments.state_files import FileLock, require_writable
from tower.errors import StackError
from tower.settings import Settings


@pytest.fixture
def written(tmp_path: Path) -> State:
    """A stack whose supervisor is this very process."""
    started = started_at(os.getpid())
    assert started
    addresses = Addresses(
        production_url="http://127.0.0.1:8428/api/anime",
        music_url="http://127.0.0.1:8415/api",
        prefect_api_url="http://127.0.0.1:4300/api",
        prefect_ui_url="http://127.0.0.1:4300",
        database_url="postgresql://tower:it's$HOME@127.0.0.1:5533/anime_production",
        data_dir=tmp_path,
    )
    supervisor = Child("supervisor", os.getpid(), started)
    made = State(supervisor, "mark", 100, ready=True, addresses=addresses, children=(Child("postgres", 1, 2.5),))
    state.write(made)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_it_is_read_as_it_was_written_and_private(written: State, tmp_path: Path) -> None:
    assert state.read(tmp_path) == written
    assert stat.S_IMODE((tmp_path / state.FILE).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [state.FILE]


def test_a_broken_file_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / state.FILE).write_text('{"mark": 1}')
    assert state.read(tmp_path) is None


def test_a_ready_stack_runs(written: State, settings: Settings) -> None:
    assert running(settings) == written.addresses


def test_one_that_is_still_starting_does_not_run_yet(written: State, settings: Settings) -> None:
    state.write(replace(written, ready=False))
    assert running(settings) is None
    with pytest.raises(StackError, match="still starting"):
        exports(settings)


def test_one_whose_supervisor_was_killed_does_not_run(written: State, settings: Settings) -> None:
    another = replace(written.supervisor, started=written.supervisor.started - 10)
    state.write(replace(written, supervisor=another))
    assert running(settings) is None
    with pytest.raises(StackError, match="tower up"):
        exports(settings)


def test_a_shell_reads_the_exports_whatever_they_hold(written: State, settings: Settings) -> None:
    script = (
        "\n".join(exports(settings))
        + '\nprintf "%s\n%s\n%s" "$TOWER_DATABASE_URL" "$PREFECT_API_URL" "$TOWER_PORT_OFFSET"'
    )
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\n")
    assert told == [written.addresses.database_url, written.addresses.prefect_api_url, "100"]


def test_a_lock_is_held_by_one_and_freed_at_release(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.take("taken")
    first.take("it is mine already")
    with pytest.raises(StackError, match="taken"):
        second.take("taken")
    first.release()
    second.take("taken")
    second.release()


def test_a_folder_that_cannot_be_written_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot be written .*TOWER_DATA_DIR"):
        require_writable(tmp_path / "file" / "data")
