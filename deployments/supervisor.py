"""Supervises processes: starts them in batches, waits until they are healthy, restarts them, stops them in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deployments.process import Command, Process, process_started_at, rotate_log
from deployments.state import ChildProcess
from tower.errors import StackError

POLL_S = 0.1
WATCH_POLL_S = 0.5
FIRST_RESTART_DELAY_S = 1.0
MAX_RESTART_DELAY_S = 30.0
STABLE_AFTER_S = 60.0  # a process that ran this long restarts with the first delay again
LOG_ROTATION_INTERVAL_S = 60.0


class StopRequestedError(Exception):
    """A signal asked the supervisor to stop."""


@dataclass(frozen=True)
class ProcessSpec:
    """A process to keep running. `prepare` builds it for each start; `is_healthy` checks it once without waiting."""

    name: str
    title: str
    prepare: Callable[[], Process]
    is_healthy: Callable[[], bool]
    start_timeout_s: float = 180.0  # a part needs 5 s of a core, which a busy machine grants slowly


@dataclass(frozen=True)
class PeriodicTask:
    """A function to call at intervals while the stack runs. It must not raise."""

    run: Callable[[], None]
    interval_s: float


class SupervisedProcess:
    """One service with its process and its restart state."""

    def __init__(self, service: ProcessSpec, restart_delay_s: float) -> None:
        self.service = service
        self.process: Process | None = None
        self.has_answered = False
        self.restart_delay_s = restart_delay_s  # before the next restart
        self.retry_at: float | None = None
        self.is_paused = False

    def start(self) -> None:
        """Start the process. Raises StackError or OSError if it cannot be started."""
        self.has_answered = False
        self.retry_at = None
        self.process = self.service.prepare()
        self.process.spawn()

    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running()

    def describe_exit(self) -> str:
        return self.process.describe_exit() if self.process else "did not start"

    def describe_log_end(self) -> str:
        return self.process.describe_log() if self.process else ""


class Supervisor:
    """Runs services from one thread. `on_change` receives every new set of processes, `say` the events for the user."""

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        on_change: Callable[[tuple[ChildProcess, ...]], None],
        first_restart_delay_s: float = FIRST_RESTART_DELAY_S,
    ) -> None:
        self._first_delay_s = first_restart_delay_s
        self._say = say
        self._changed = on_change
        self._batches: list[list[SupervisedProcess]] = []
        self._afterwards: list[Callable[[], None]] = []
        self._stop_asked = 0

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Within the block SIGINT, SIGTERM and SIGHUP request a stop; a second signal makes the stop immediate."""
        caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, self._on_signal) for number in caught]
        try:
            yield
        finally:
            for number, handler in zip(caught, before, strict=True):
                signal.signal(number, handler)

    def launch(self, *services: ProcessSpec, on_stopped: Callable[[], None] = lambda: None) -> None:
        """Start a batch of services that is later stopped together. Does not wait for it.

        `on_stopped` is called after the batch has stopped and before the next older batch stops.
        """
        batch = [SupervisedProcess(service, self._first_delay_s) for service in services]
        self._batches.append(batch)
        self._afterwards.append(on_stopped)
        for supervised in batch:
            self._raise_if_stopped()
            supervised.start()
        self._report_processes()

    def wait_until_ready(self) -> None:
        """Wait until every launched service has answered. Raises StackError if one ends or is too slow."""
        while waiting := [supervised for supervised in self._all() if not supervised.has_answered]:
            for supervised in waiting:
                self._check_start(supervised)
            self._pause(POLL_S)

    def run_step(self, command: Command, *, title: str, limit_s: float) -> None:
        """Run a command to its end. Raises StackError with the last line of its log if it fails or is too slow."""
        step = Process(command)
        step.spawn()
        try:
            while step.is_running():
                if step.uptime_s > limit_s:
                    raise StackError(f"{title} took longer than {limit_s:.0f} s ({command.log}).")
                self._pause(POLL_S)
        finally:
            step.kill()
        if step.exit_code():
            raise StackError(f"{title} failed: it {step.describe_exit()} ({step.describe_log()})")

    def watch(self, tasks: Sequence[PeriodicTask] = ()) -> None:
        """Restart services that end and run the chores, until a signal raises StopRequestedError."""
        tasks = (*tasks, PeriodicTask(self._rotate_logs, LOG_ROTATION_INTERVAL_S))
        due = [time.monotonic()] * len(tasks)
        while True:
            for supervised in self._all():
                self._restart_if_ended(supervised)
            for index, chore in enumerate(tasks):
                if time.monotonic() >= due[index]:
                    chore.run()
                    due[index] = time.monotonic() + chore.interval_s
            self._pause(WATCH_POLL_S)

    def pause(self, name: str) -> None:
        """Stop one service and do not restart it until it is released."""
        supervised = self._named(name)
        supervised.is_paused = True
        supervised.retry_at = None
        self._end([supervised], quick=self._stop_asked + 1)
        self._report_processes()

    def resume(self, name: str) -> None:
        """Start a held service again."""
        supervised = self._named(name)
        supervised.is_paused = False
        self._start_again(supervised)

    def find_pid(self, name: str) -> int | None:
        """The pid of a service; None while it does not run."""
        supervised = self._named(name)
        return supervised.process.pid if supervised.process and supervised.is_running() else None

    def stop(self) -> None:
        """Stop all services, the newest batch first; kill a process group that does not end within its timeout."""
        quick = self._stop_asked + 1  # the number of signals that makes the stop immediate
        for batch, afterwards in zip(reversed(self._batches), reversed(self._afterwards), strict=True):
            self._end(batch, quick=quick)
            afterwards()
        self._batches.clear()
        self._afterwards.clear()
        self._report_processes()

    def _on_signal(self, *_: object) -> None:
        self._stop_asked += 1

    def _raise_if_stopped(self) -> None:
        if self._stop_asked:
            raise StopRequestedError

    def _pause(self, seconds: float) -> None:
        self._raise_if_stopped()
        time.sleep(seconds)
        self._raise_if_stopped()

    def _all(self) -> list[SupervisedProcess]:
        return [supervised for batch in self._batches for supervised in batch]

    def _named(self, name: str) -> SupervisedProcess:
        return next(each for each in self._all() if each.service.name == name)

    def _check_start(self, supervised: SupervisedProcess) -> None:
        if not supervised.is_running():
            raise StackError(
                f"{supervised.service.title} {supervised.describe_exit()} during its start "
                f"({supervised.describe_log_end()})."
            )
        if supervised.process and supervised.process.uptime_s > supervised.service.start_timeout_s:
            raise StackError(
                f"{supervised.service.title} did not answer within {supervised.service.start_timeout_s:.0f} s "
                f"({supervised.describe_log_end()})."
            )
        supervised.has_answered = supervised.service.is_healthy()

    def _restart_if_ended(self, supervised: SupervisedProcess) -> None:
        if supervised.is_paused:
            return
        if supervised.retry_at is not None:
            if time.monotonic() >= supervised.retry_at:
                self._start_again(supervised)
        elif not supervised.is_running():
            self._schedule(supervised, supervised.describe_exit())
        elif not supervised.has_answered and supervised.service.is_healthy():
            supervised.has_answered = True
            self._say(f"{supervised.service.title} is up again")

    def _schedule(self, supervised: SupervisedProcess, reason: str) -> None:
        if supervised.process and supervised.process.uptime_s > STABLE_AFTER_S:
            supervised.restart_delay_s = self._first_delay_s
        if supervised.process:
            supervised.process.kill()  # ends processes that it left behind
        self._say(f"{supervised.service.title} {reason}; it is started again in {supervised.restart_delay_s:.3g} s")
        supervised.retry_at = time.monotonic() + supervised.restart_delay_s
        supervised.restart_delay_s = min(supervised.restart_delay_s * 2, MAX_RESTART_DELAY_S)

    def _start_again(self, supervised: SupervisedProcess) -> None:
        try:
            supervised.start()
        except (StackError, OSError) as error:
            self._schedule(supervised, f"could not be started: {error}")
            return
        self._report_processes()

    def _end(self, ones: Sequence[SupervisedProcess], *, quick: int) -> None:
        """Ask all to end, then see each off; at `quick` signals no longer patiently."""
        processes = [each.process for each in ones if each.process]
        for process in processes:
            process.request_stop()
        for process in processes:
            self._see_off(process, quick)

    def _see_off(self, process: Process, quick: int) -> None:
        deadline = time.monotonic() + process.command.stop_timeout_s
        while process.is_running() and time.monotonic() < deadline and self._stop_asked < quick:
            time.sleep(POLL_S / 2)
        process.kill()

    def _rotate_logs(self) -> None:
        for supervised in self._all():
            if supervised.process:
                rotate_log(supervised.process.command.log)

    def _report_processes(self) -> None:
        processes = [each.process for each in self._all() if each.process]
        self._changed(tuple(child for process in processes if (child := _as_child(process)) is not None))


def _as_child(process: Process) -> ChildProcess | None:
    started = process_started_at(process.pid) if process.pid else None
    return ChildProcess(process.command.name, process.pid, started) if process.pid and started else None
