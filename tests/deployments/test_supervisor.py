"""The supervisor with small child processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.process import Command, Process
from deployments.state import ChildProcess
from deployments.supervisor import PeriodicTask, ProcessSpec, StopRequestedError, Supervisor
from tests.deployments.conftest import PythonCommand
from tests.deployments.processes import has_ended, wait_until
from tower.errors import StackError

SLEEPER = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


class Recorder:
    """Records the messages of a supervisor and the processes that it reports."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.children: tuple[ChildProcess, ...] = ()

    def supervisor(self, *, first_delay_s: float = 0.05) -> Supervisor:
        return Supervisor(say=self.messages.append, on_change=self.record_children, first_restart_delay_s=first_delay_s)

    def record_children(self, children: tuple[ChildProcess, ...]) -> None:
        self.children = children


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def service(command: Command, *, healthy: Callable[[], bool] = lambda: True, ready_s: float = 10) -> ProcessSpec:
    return ProcessSpec(command.name, f"The {command.name}", lambda: Process(command), healthy, ready_s)


def stop_when(condition: Callable[[], bool]) -> PeriodicTask:
    """Send Ctrl-C once the condition is true."""

    def send_signal() -> None:
        if condition():
            os.kill(os.getpid(), signal.SIGINT)

    return PeriodicTask(send_signal, interval_s=0.0)


def test_a_dead_process_is_restarted_with_growing_pauses(
    recorder: Recorder, python: PythonCommand, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    command = python(f"import time; open({str(starts)!r}, 'a').write(f'{{time.time()}}\\n')")
    starts.touch()
    supervisor = recorder.supervisor(first_delay_s=0.6)
    supervisor.launch(service(command))
    with supervisor.handle_signals(), pytest.raises(StopRequestedError):
        supervisor.watch([stop_when(lambda: len(starts.read_text().split()) == 3)])
    supervisor.stop()
    first, second, third = (float(at) for at in starts.read_text().split())
    assert second - first >= 0.6
    assert third - second >= 1.2
    assert [line for line in recorder.messages if "ended" in line][:2] == [
        "The child ended with code 0; it is started again in 0.6 s",
        "The child ended with code 0; it is started again in 1.2 s",
    ]


def test_a_killed_process_is_restarted_and_reported(recorder: Recorder, python: PythonCommand) -> None:
    supervisor = recorder.supervisor()
    supervisor.launch(service(python(SLEEPER)))
    supervisor.wait_until_ready()
    first = recorder.children[0].pid
    os.kill(first, signal.SIGKILL)
    with supervisor.handle_signals(), pytest.raises(StopRequestedError):
        supervisor.watch([stop_when(lambda: "The child is up again" in recorder.messages)])
    assert recorder.messages[0].startswith("The child was killed by signal 9")
    assert recorder.children[0].pid != first
    supervisor.stop()


def test_processes_end_in_reverse_start_order(recorder: Recorder, python: PythonCommand, tmp_path: Path) -> None:
    ends = tmp_path / "ends"

    def recording_spec(name: str) -> ProcessSpec:
        code = f"""
import signal, sys, time
def end(*_):
    time.sleep(0.1)
    open({str(ends)!r}, 'a').write({name!r})
    sys.exit()
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
time.sleep(60)
"""
        command = python(code, name=name)
        return service(command, healthy=lambda: command.log.exists() and "up" in command.log.read_text())

    supervisor = recorder.supervisor()
    supervisor.launch(recording_spec("a"))
    supervisor.launch(recording_spec("b"))
    supervisor.launch(recording_spec("c"), recording_spec("d"))
    supervisor.wait_until_ready()
    pids = [child.pid for child in recorder.children]
    supervisor.stop()
    names = ends.read_text()
    assert set(names[:2]) == {"c", "d"}
    assert names[2:] == "ba"
    assert all(has_ended(pid) for pid in pids)
    assert recorder.children == ()


def test_a_process_that_dies_at_start_is_an_error_with_the_end_of_its_log(
    recorder: Recorder, python: PythonCommand
) -> None:
    command = python("import sys; sys.exit('no such thing')")
    supervisor = recorder.supervisor()
    supervisor.launch(service(command, healthy=lambda: False))
    with pytest.raises(StackError, match=r"The child ended with code 1 .*child\.log: no such thing"):
        supervisor.wait_until_ready()
    supervisor.stop()


def test_a_process_that_never_answers_is_an_error(recorder: Recorder, python: PythonCommand) -> None:
    supervisor = recorder.supervisor()
    supervisor.launch(service(python(SLEEPER), healthy=lambda: False, ready_s=0.3))
    with pytest.raises(StackError, match="The child did not answer within 0 s"):
        supervisor.wait_until_ready()
    supervisor.stop()


def test_a_step_that_fails_is_an_error_with_its_last_line(recorder: Recorder, python: PythonCommand) -> None:
    command = python("import sys; print('working', flush=True); sys.exit('it broke')", name="step")
    with pytest.raises(StackError, match=r"The step failed: it ended with code 1 \(.*step\.log: it broke\)"):
        recorder.supervisor().run_step(command, title="The step", limit_s=10)


def test_a_killed_step_says_so_and_quotes_no_older_line(recorder: Recorder, python: PythonCommand) -> None:
    command = python("import os; os.kill(os.getpid(), 9)", name="step")
    command.log.parent.mkdir(parents=True, exist_ok=True)
    command.log.write_text("the end of an earlier run\n")
    with pytest.raises(StackError, match=r"it was killed by signal 9 \(SIGKILL\) \(nothing in .*step\.log\)"):
        recorder.supervisor().run_step(command, title="The step", limit_s=10)


def test_a_step_that_takes_too_long_is_ended(recorder: Recorder, python: PythonCommand) -> None:
    with pytest.raises(StackError, match="took longer than 0 s"):
        recorder.supervisor().run_step(python(SLEEPER), title="The step", limit_s=0.2)


def test_a_second_ctrl_c_kills_processes_that_do_not_end(recorder: Recorder, python: PythonCommand) -> None:
    command = python(STUBBORN, stop_timeout_s=30)
    supervisor = recorder.supervisor()
    supervisor.launch(service(command))
    wait_until(lambda: command.log.exists() and "up" in command.log.read_text())
    pid = recorder.children[0].pid
    start_s = time.monotonic()
    with supervisor.handle_signals():
        with pytest.raises(StopRequestedError):
            supervisor.watch([stop_when(lambda: True)])
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        supervisor.stop()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert time.monotonic() - start_s < 10
    assert has_ended(pid)


def test_a_failed_restart_is_retried(recorder: Recorder, python: PythonCommand) -> None:
    command = python(SLEEPER)
    refusals = [StackError("Port 1 is in use."), StackError("Port 1 is in use.")]

    def prepare() -> Process:
        if recorder.messages and refusals:
            raise refusals.pop()
        return Process(command)

    supervisor = recorder.supervisor()
    supervisor.launch(ProcessSpec("child", "The child", prepare, lambda: True))
    supervisor.wait_until_ready()
    os.kill(recorder.children[0].pid, signal.SIGKILL)
    with supervisor.handle_signals(), pytest.raises(StopRequestedError):
        supervisor.watch([stop_when(lambda: "The child is up again" in recorder.messages)])
    supervisor.stop()
    assert [line for line in recorder.messages if "Port 1 is in use" in line]
    assert not refusals


def test_a_held_service_stays_ended_until_it_is_released(recorder: Recorder, python: PythonCommand) -> None:
    supervisor = recorder.supervisor(first_delay_s=0.0)
    supervisor.launch(service(python(SLEEPER, name="held")), service(python(SLEEPER, name="other")))
    supervisor.wait_until_ready()
    first, other = supervisor.find_pid("held"), supervisor.find_pid("other")
    assert first is not None
    supervisor.pause("held")
    assert has_ended(first)
    looks = iter(range(3))
    with supervisor.handle_signals(), pytest.raises(StopRequestedError):
        supervisor.watch([stop_when(lambda: next(looks, None) is None)])
    assert (supervisor.find_pid("held"), [child.name for child in recorder.children]) == (None, ["other"])
    supervisor.resume("held")
    assert supervisor.find_pid("held") not in (None, first)
    assert supervisor.find_pid("other") == other
    supervisor.stop()
    assert recorder.messages == []


def test_a_suspended_service_handles_sigterm(recorder: Recorder, python: PythonCommand, tmp_path: Path) -> None:
    code = f"""
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (open({str(tmp_path / "ended")!r}, 'w').close(), sys.exit()))
print('up', flush=True)
time.sleep(60)
"""
    command = python(code)
    supervisor = recorder.supervisor()
    supervisor.launch(service(command, healthy=lambda: command.log.exists() and "up" in command.log.read_text()))
    supervisor.wait_until_ready()
    os.kill(recorder.children[0].pid, signal.SIGSTOP)
    supervisor.pause("child")
    assert (tmp_path / "ended").exists()
    supervisor.stop()


def test_a_stop_callback_runs_after_its_batch_and_before_older_batches_end(
    recorder: Recorder, python: PythonCommand
) -> None:
    supervisor = recorder.supervisor()
    supervisor.launch(service(python(SLEEPER, name="database")))
    database = recorder.children[0].pid
    observed: list[tuple[bool, bool]] = []
    supervisor.launch(
        service(python(SLEEPER, name="worker")),
        on_stopped=lambda: observed.append((has_ended(database), has_ended(recorder.children[1].pid))),
    )
    supervisor.stop()
    assert observed == [(False, True)]
