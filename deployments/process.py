"""A child process that ends with its parent and is stopped together with all its descendants."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from tower.errors.foreign import make_printable

MAX_LOG_BYTES = 10_000_000
MIN_FREE_BYTES = 16 * 2**20  # on a disk with less, no server of the stack can start
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The system account that a child process runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """A program with its arguments, its log and the signal that stops it."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0


class Process:
    """A running `Command`, leader of its own session and process group.

    On Linux the kernel sends the stop signal when the thread that called `spawn` ends. Call `spawn` from the main
    thread, and only while no other thread runs.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._spawned = 0.0
        self._log_start = 0

    def spawn(self) -> None:
        """Start the program. Raises OSError if it cannot be run."""
        rotate_log(self.command.log)
        self._log_start = self.command.log.stat().st_size if self.command.log.exists() else 0
        account = self.command.account
        with self.command.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.command.env),
                cwd=self.command.cwd,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
                preexec_fn=partial(_end_with_parent, os.getpid(), self.command.stop_signal),  # noqa: PLW1509 - see the class
            )
        self._spawned = time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def uptime_s(self) -> float:
        """Seconds since the process was spawned."""
        return time.monotonic() - self._spawned

    def exit_code(self) -> int | None:
        """The exit code, or minus the signal. None while the process runs or if it was never spawned."""
        return self._child.poll() if self._child else None

    def describe_exit(self) -> str:
        """How the process ended, such as "was killed by signal 9 (SIGKILL)", and what a full disk has to do with it."""
        code = self.exit_code()
        if code is None:
            return "did not start"
        ended = (
            f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
        )
        return f"{ended}{describe_full_disk(self.command.log.parent)}"

    def describe_log(self) -> str:
        """The log and its last line; the log alone if this process wrote nothing into it."""
        last = read_log_tail(self.command.log, lines=1, start=self._log_start)
        return f"{self.command.log}: {last}" if last else f"nothing in {self.command.log}"

    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def request_stop(self) -> None:
        if self.is_running() and self._child:
            self._child.send_signal(self.command.stop_signal)
            self._child.send_signal(signal.SIGCONT)  # a suspended process handles no other signal

    def stop(self) -> None:
        """Send the stop signal, wait, then kill the rest of the process group."""
        if self._child is None:
            return
        self.request_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(self.command.stop_timeout_s)
        self.kill()

    def kill(self) -> None:
        """Send SIGKILL to the whole process group."""
        if self._child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()


def process_started_at(pid: int) -> float | None:
    """When the process `pid` started, in seconds since the epoch; None if it does not run or is a zombie.

    Pids are reused; a pid and its start time together identify one process.
    """
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def describe_full_disk(folder: Path) -> str:
    """A part of a sentence that says that the disk of a folder is full; empty if it is not."""
    free = shutil.disk_usage(folder).free if folder.is_dir() else MIN_FREE_BYTES
    return "" if free >= MIN_FREE_BYTES else f", and the disk of {folder} is full ({free // 1024} kB free)"


def read_log_tail(log: Path, lines: int = 3, *, start: int = 0) -> str:
    """The last lines of a log as one line, for an error message. `start`: where to begin, in bytes."""
    try:
        with log.open("rb") as file:
            size = log.stat().st_size
            file.seek(max(start if start <= size else 0, size - 4000))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    text = make_printable(text, keep="\n")
    return " | ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())


def rotate_log(log: Path) -> None:
    """Create the log's folder; move a log above MAX_LOG_BYTES to NAME.log.1. Safe while a process appends to it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def _end_with_parent(parent: int, stop_signal: signal.Signals) -> None:
    """Runs in the child process just before it executes the program."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # a shell's `&` makes its children ignore SIGINT
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
