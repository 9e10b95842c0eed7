"""A child process does not outlive its parent and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from deployments.process import MAX_LOG_BYTES, Process, describe_full_disk, read_log_tail, rotate_log
from tests.deployments.conftest import PythonCommand
from tests.deployments.processes import has_ended, wait_until

PARENT = """
import sys, time
from pathlib import Path
from deployments.process import Command, Process
child = Process(Command(name="child", argv=("sleep", "60"), log=Path(sys.argv[1])))
child.spawn()
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
WITH_A_CHILD = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-IS", "-c", {STUBBORN!r}])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_child_ends_with_its_parent_even_if_that_is_killed(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", PARENT, str(tmp_path / "child.log")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert not has_ended(child)
        parent.kill()
    wait_until(lambda: has_ended(child))


def test_ending_a_child_ends_its_own_children(python: PythonCommand) -> None:
    command = python(WITH_A_CHILD)
    process = Process(command)
    process.spawn()
    wait_until(lambda: command.log.exists() and "up" in command.log.read_text())
    grandchild = int(command.log.read_text().split()[0])
    process.stop()
    assert process.exit_code() == -signal.SIGTERM
    wait_until(lambda: has_ended(grandchild))


def test_a_process_that_does_not_end_is_killed(python: PythonCommand) -> None:
    command = python(STUBBORN, stop_timeout_s=0.2)
    process = Process(command)
    process.spawn()
    wait_until(lambda: command.log.exists() and "up" in command.log.read_text())
    process.stop()
    assert process.exit_code() == -signal.SIGKILL


def test_an_ignored_ctrl_c_is_not_handed_down(python: PythonCommand) -> None:
    command = python("import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = Process(command)
        process.spawn()
    finally:
        signal.signal(signal.SIGINT, before)
    wait_until(lambda: not process.is_running())
    assert command.log.read_text() == "True\n"


def test_a_long_log_is_rotated_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * (MAX_LOG_BYTES + 1))
        rotate_log(log)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").stat().st_size == MAX_LOG_BYTES + 1


def test_the_end_of_a_log_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("first\nsecond\n\n  third\n")
    assert read_log_tail(log, lines=1) == "third"
    assert read_log_tail(log, lines=3) == "second | third"
    assert read_log_tail(tmp_path / "none.log") == ""


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    assert describe_full_disk(tmp_path) == ""
    assert "is full (0 kB free)" in describe_full_disk(Path("/proc"))  # a file system without room
