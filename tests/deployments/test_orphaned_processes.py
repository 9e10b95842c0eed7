"""Leftover processes of a killed stack are ended; unrelated ones are not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deployments import orphaned_processes, state
from deployments.orphaned_processes import MARK_VARIABLE, end_leftovers
from deployments.process import process_started_at
from deployments.state import Addresses, ChildProcess, StackState
from tests.deployments.processes import has_ended, wait_until

SUPERVISOR = """
import sys
from pathlib import Path
from deployments import state
from deployments.process import Command, Process
from deployments.state import Addresses, ChildProcess, StackState
from deployments.supervisor import ProcessSpec, Supervisor

data = Path(sys.argv[1])
code = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w'); time.sleep(60)"
command = Command(name="child", argv=(sys.executable, "-IS", "-c", code, str(data / "deaf")), log=data / "child.log")

def remember(children):
    addresses = Addresses("", "", "", "", "", data)
    supervisor = ChildProcess("supervisor", 1, 0.0)
    state.write(StackState(supervisor, "none", 0, ready=True, addresses=addresses, children=children))

supervisor = Supervisor(say=print, on_change=remember)
supervisor.launch(ProcessSpec("child", "The child", lambda: Process(command), (data / "deaf").exists))
print("up", flush=True)
supervisor.watch()
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


@pytest.fixture
def marked_sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], env={**os.environ, MARK_VARIABLE: "ours"}) as process:
        wait_until(lambda: bool(orphaned_processes.find_marked("ours")))
        yield process
        process.kill()


def write_state(data: Path, *children: ChildProcess, mark: str = "none") -> StackState:
    addresses = Addresses("", "", "", "", "", data)
    return StackState(ChildProcess("supervisor", 1, 0.0), mark, 0, ready=True, addresses=addresses, children=children)


def test_a_process_that_the_state_names_is_ended(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    started = process_started_at(sleeper.pid)
    assert started
    messages: list[str] = []
    end_leftovers(write_state(tmp_path, ChildProcess("sleeper", sleeper.pid, started)), messages.append)
    assert has_ended(sleeper.pid)
    assert messages == [f"ending 1 processes that an earlier stack left running on {tmp_path}"]


def test_an_unrelated_process_with_the_pid_of_a_child_is_not_ended(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started = process_started_at(sleeper.pid)
    assert started
    end_leftovers(write_state(tmp_path, ChildProcess("sleeper", sleeper.pid, started - 100)), pytest.fail)
    assert sleeper.poll() is None


def test_only_processes_with_the_mark_are_ended(
    marked_sleeper: subprocess.Popen[bytes], sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    end_leftovers(write_state(tmp_path, mark="ours"), lambda _: None)
    assert has_ended(marked_sleeper.pid)
    assert sleeper.poll() is None


def test_a_process_that_does_not_end_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-IS", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        orphaned_processes.end_processes([psutil.Process(process.pid)], signal.SIGTERM, timeout_s=0.2)
        wait_until(lambda: has_ended(process.pid))


def test_the_next_start_ends_processes_of_a_killed_supervisor(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout
        supervisor.stdout.readline()
        wait_until(lambda: state.read(tmp_path) is not None and (tmp_path / "deaf").exists())
        stack_state = state.read(tmp_path)
        supervisor.kill()
    assert stack_state
    child = stack_state.children[0].pid
    assert not has_ended(child), "the process ignores the signal of the kernel"
    end_leftovers(stack_state, lambda _: None, timeout_s=0.2)
    wait_until(lambda: has_ended(child))
