"""Keeps processes up: starts them in batches, waits for their health, starts the dead again, ends all in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from deployments.process import Command, Process, log_tail, rotate, started_at
from deployments.state import Child
from tower.errors import StackError

TICK_S = 0.1
WATCH_TICK_S = 0.5
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0
STEADY_S = 60.0  # one that lived this long starts again with the first delay
ROTATE_EVERY_S = 60.0


class StopAskedError(Exception):
    """Ctrl-C, or a signal that means the same."""


@dataclass(frozen=True)
class Service:
    """A process that is to be up. `prepare` makes it anew for each start; `healthy` asks it once, quickly."""

    name: str
    title: str
    prepare: Callable[[], Process]
    healthy: Callable[[], bool]
    ready_s: float = 60.0


@dataclass(frozen=True)
class Chore:
    """Something to do now and then while the stack is up. It raises nothing."""

    do: Callable[[], None]
    every_s: float


class Supervised:
    """One service and how it fares."""

    def __init__(self, service: Service, delay_s: float) -> None:
        self.service = service
        self.process: Process | None = None
        self.answered = False
        self.delay_s = delay_s  # until it is started again if it dies
        self.retry_at: float | None = None
        self.held = False

    def start(self) -> None:
        """StackError or OSError if it cannot be started at all."""
        self.answered = False
        self.retry_at = None
        self.process = self.service.prepare()
        self.process.spawn()

    def running(self) -> bool:
        return self.process is not None and self.process.running()

    def how_it_ended(self) -> str:
        code = self.process.exit_code() if self.process else None
        if code is None:
            return "did not start"
        return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def log_end(self) -> str:
        return f"{self.process.command.log}: {log_tail(self.process.command.log, lines=1)}" if self.process else ""


class Supervisor:
    """Runs services from one thread. `changed` hears of every new set of processes, `say` of what a user cares for."""

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        changed: Callable[[tuple[Child, ...]], None],
        first_delay_s: float = FIRST_DELAY_S,
    ) -> None:
        self._first_delay_s = first_delay_s
        self._say = say
        self._changed = changed
        self._batches: list[list[Supervised]] = []
        self._afterwards: list[Callable[[], None]] = []
        self._stop_asked = 0

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Within, Ctrl-C, SIGTERM and SIGHUP ask for a stop; a second one while stopping asks for a quick one."""
        caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, self._on_signal) for number in caught]
        try:
            yield
        finally:
            for number, handler in zip(caught, before, strict=True):
                signal.signal(number, handler)

    def launch(self, *services: Service, afterwards: Callable[[], None] = lambda: None) -> None:
        """Start a batch, which will also be stopped together, without waiting for it.

        `afterwards` is called once the batch has ended in a stop, before an older one is asked to.
        """
        batch = [Supervised(service, self._first_delay_s) for service in services]
        self._batches.append(batch)
        self._afterwards.append(afterwards)
        for supervised in batch:
            self._interrupted()
            supervised.start()
        self._tell()

    def wait(self) -> None:
        """Until everything launched so far has answered. StackError if something dies or is too slow."""
        while waiting := [one for one in self._all() if not one.answered]:
            for one in waiting:
                self._look_at_new(one)
            self._pause(TICK_S)

    def run_step(self, command: Command, *, title: str, limit_s: float) -> None:
        """Run something once to its end. StackError with the last line of its log if it fails or is too slow."""
        step = Process(command)
        step.spawn()
        try:
            while step.running():
                if step.lived_s > limit_s:
                    raise StackError(f"{title} took longer than {limit_s:.0f} s ({command.log}).")
                self._pause(TICK_S)
        finally:
            step.kill()
        if step.exit_code():
            raise StackError(f"{title} failed ({command.log}): {log_tail(command.log, lines=1)}")

    def watch(self, chores: Sequence[Chore] = ()) -> None:
        """Keep everything up. Ends only by StopAskedError."""
        chores = (*chores, Chore(self._rotate_logs, ROTATE_EVERY_S))
        due = [time.monotonic()] * len(chores)
        while True:
            for one in self._all():
                self._look_after(one)
            for place, chore in enumerate(chores):
                if time.monotonic() >= due[place]:
                    chore.do()
                    due[place] = time.monotonic() + chore.every_s
            self._pause(WATCH_TICK_S)

    def hold(self, name: str) -> None:
        """End one service, whatever it does, and leave it so until it is released."""
        one = self._named(name)
        one.held = True
        one.retry_at = None
        self._end([one], quick=self._stop_asked + 1)
        self._tell()

    def release(self, name: str) -> None:
        """Start a held service again."""
        one = self._named(name)
        one.held = False
        self._start_again(one)

    def pid(self, name: str) -> int | None:
        """The process of a service; None while it does not run."""
        one = self._named(name)
        return one.process.pid if one.process and one.running() else None

    def stop(self) -> None:
        """End everything, the newest batch first; each gets its time to end, then its process group is killed."""
        quick = self._stop_asked + 1  # one more signal from now on means: at once
        for batch, afterwards in zip(reversed(self._batches), reversed(self._afterwards), strict=True):
            self._end(batch, quick=quick)
            afterwards()
        self._batches.clear()
        self._afterwards.clear()
        self._tell()

    def _on_signal(self, *_: object) -> None:
        self._stop_asked += 1

    def _interrupted(self) -> None:
        if self._stop_asked:
            raise StopAskedError

    def _pause(self, seconds: float) -> None:
        self._interrupted()
        time.sleep(seconds)
        self._interrupted()

    def _all(self) -> list[Supervised]:
        return [one for batch in self._batches for one in batch]

    def _named(self, name: str) -> Supervised:
        return next(one for one in self._all() if one.service.name == name)

    def _look_at_new(self, one: Supervised) -> None:
        if not one.running():
            raise StackError(f"{one.service.title} {one.how_it_ended()} while it was started ({one.log_end()}).")
        if one.process and one.process.lived_s > one.service.ready_s:
            raise StackError(
                f"{one.service.title} did not answer within {one.service.ready_s:.0f} s ({one.log_end()})."
            )
        one.answered = one.service.healthy()

    def _look_after(self, one: Supervised) -> None:
        if one.held:
            return
        if one.retry_at is not None:
            if time.monotonic() >= one.retry_at:
                self._start_again(one)
        elif not one.running():
            self._schedule(one, one.how_it_ended())
        elif not one.answered and one.service.healthy():
            one.answered = True
            self._say(f"{one.service.title} is up again")

    def _schedule(self, one: Supervised, reason: str) -> None:
        if one.process and one.process.lived_s > STEADY_S:
            one.delay_s = self._first_delay_s
        if one.process:
            one.process.kill()  # what it started and left behind
        self._say(f"{one.service.title} {reason}; it is started again in {one.delay_s:.3g} s")
        one.retry_at = time.monotonic() + one.delay_s
        one.delay_s = min(one.delay_s * 2, LONGEST_DELAY_S)

    def _start_again(self, one: Supervised) -> None:
        try:
            one.start()
        except (StackError, OSError) as error:
            self._schedule(one, f"could not be started: {error}")
            return
        self._tell()

    def _end(self, ones: Sequence[Supervised], *, quick: int) -> None:
        """Ask all to end, then see each off; at `quick` signals no longer patiently."""
        processes = [one.process for one in ones if one.process]
        for process in processes:
            process.ask_to_end()
        for process in processes:
            self._see_off(process, quick)

    def _see_off(self, process: Process, quick: int) -> None:
        deadline = time.monotonic() + process.command.stop_timeout_s
        while process.running() and time.monotonic() < deadline and self._stop_asked < quick:
            time.sleep(TICK_S / 2)
        process.kill()

    def _rotate_logs(self) -> None:
        for one in self._all():
            if one.process:
                rotate(one.process.command.log)

    def _tell(self) -> None:
        processes = [one.process for one in self._all() if one.process]
        self._changed(tuple(child for process in processes if (child := _as_child(process)) is not None))


def _as_child(process: Process) -> Child | None:
    started = started_at(process.pid) if process.pid else None
    return Child(process.command.name, process.pid, started) if process.pid and started else None
