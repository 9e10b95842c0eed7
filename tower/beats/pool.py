"""A pool of warm processes that analyse files, away from the event loop and the threads of requests.

If a process dies on a file, another is started and the file is tried once more, in case the process was killed from
outside. Cancelling kills the process, because nothing else stops a running decoder.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from tower.beats.results import Analysis, TempoHint
from tower.beats.structure.results import Structure, StructureUnavailableError
from tower.beats.wire import LENGTH_BYTES, receive_bytes, send_message
from tower.errors import CancelledError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.media.decode import MediaUnreadableError

POLL_S = 0.05  # between two checks of a waiting caller for cancellation
TIMEOUT_S = 600.0  # for one file: hours of music take minutes
MAX_ATTEMPTS = 2
SINGLE_THREAD_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}  # the processes run in parallel already


class AnalyserPool:
    """`size` processes, started by `warm_up` or when they are first needed. Safe to call from many threads."""

    def __init__(self, size: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self._limit_s = timeout_s
        self._free: queue.LifoQueue[_Listener] = queue.LifoQueue()  # the last used is the warmest
        self._stopped = threading.Event()
        self._warming: threading.Timer | None = None
        self._all = [_Listener(self._stopped) for _ in range(size)]
        for listener in self._all:
            self._free.put(listener)

    def analyse(
        self,
        file: IO[bytes],
        hint: TempoHint | None = None,
        *,
        name: str | None = None,
        cancelled: threading.Event | None = None,
    ) -> Analysis:
        """As `tower.beats.analysis.analyse`, in one of the processes. Its place in the file moves.

        `name`: what errors call the file, if it was opened without one.

        Raises MediaUnreadableError, CancelledError once `cancelled` is set, UnavailableError when the pool stops.
        """
        said = self._ask(file, {"hint": asdict(hint or TempoHint())}, name, cancelled)
        return Analysis.from_json(said["analysis"])

    def find_structure(
        self, file: IO[bytes], beats: Analysis, *, name: str | None = None, cancelled: threading.Event | None = None
    ) -> Structure:
        """As `tower.beats.structure.analysis.find_structure`, in one of the processes, which imports librosa for it.

        Raises what `analyse` raises, and StructureUnavailableError where librosa does not work.
        """
        known = {"beats_s": beats.beat_times_s, "downbeats_s": beats.downbeat_times_s}
        return Structure.from_json(self._ask(file, {"beats": known}, name, cancelled)["structure"])

    def warm_up(self, *, after_s: float = 0) -> None:
        """Start the processes in the background, after `after_s` seconds, unless the pool is stopped before."""

        def start() -> None:
            with suppress(UnavailableError):
                for listener in self._all:
                    listener.start()

        self._warming = threading.Timer(after_s, start)
        self._warming.daemon = True
        self._warming.start()

    def stop(self) -> None:
        """End all processes. Waiting callers get UnavailableError."""
        self._stopped.set()
        if self._warming is not None:
            self._warming.cancel()
        for listener in self._all:
            listener.end()

    @property
    def size(self) -> int:
        return len(self._all)

    @property
    def process_ids(self) -> list[int]:
        return [listener.process.pid for listener in self._all if listener.process]

    def _ask(
        self, file: IO[bytes], question: dict[str, Any], name: str | None, cancelled: threading.Event | None
    ) -> dict[str, Any]:
        give_up = cancelled or threading.Event()
        listener = self._take(give_up)
        try:
            called = name or Path(str(getattr(file, "name", "The file"))).name
            return self._heard(listener, file, {"name": called, **question}, give_up)
        finally:
            self._free.put(listener)

    def _take(self, cancelled: threading.Event) -> _Listener:
        while True:
            self._check(cancelled)
            try:
                return self._free.get(timeout=POLL_S)
            except queue.Empty:
                continue

    def _heard(
        self, listener: _Listener, file: IO[bytes], asked: dict[str, Any], cancelled: threading.Event
    ) -> dict[str, Any]:
        name = asked["name"]
        for _ in range(MAX_ATTEMPTS):
            try:
                listener.ask(file, asked)
                self._wait(listener, name, cancelled)
                said = listener.answer()
            except (OSError, EOFError):
                listener.end()  # it died; the next `ask` starts another
            except BaseException:
                listener.end()  # it is still at it
                raise
            else:
                return _checked(said)
        raise MediaUnreadableError(f"{name} makes the decoder crash: it is damaged, or made to do so")

    def _wait(self, listener: _Listener, name: str, cancelled: threading.Event) -> None:
        deadline = time.monotonic() + self._limit_s
        while not listener.answers(POLL_S):
            self._check(cancelled)
            if time.monotonic() > deadline:
                raise MediaUnreadableError(f"{name} was not analysed within {self._limit_s:.0f} s")

    def _check(self, cancelled: threading.Event) -> None:
        if self._stopped.is_set():
            raise UnavailableError("The service is stopping; ask again")
        if cancelled.is_set():
            raise CancelledError("The analysis was cancelled")


class _Listener:
    """One process and our end of its socket."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self.process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        with self._lock:
            if self._stopped.is_set():
                raise UnavailableError("The service is stopping; ask again")
            if self.process is not None and self.process.poll() is None:
                return
            if self._socket is not None:
                self._socket.close()
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "tower.beats.worker", str(theirs.fileno())]
            environment = {**os.environ, **SINGLE_THREAD_ENVIRONMENT}
            with theirs:
                self.process = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment
                )
            self._socket = ours

    def ask(self, file: IO[bytes], asked: dict[str, Any]) -> None:
        self.start()
        send_message(self._connection(), asked, file.fileno())

    def answers(self, seconds: float) -> bool:
        """Whether an answer, or the end of the process, can be read within `seconds`."""
        connection = self._connection()
        connection.settimeout(seconds)
        try:
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        finally:
            connection.settimeout(None)
        return True

    def answer(self) -> dict[str, Any]:
        connection = self._connection()
        size = int.from_bytes(receive_bytes(connection, LENGTH_BYTES))
        said: dict[str, Any] = json.loads(receive_bytes(connection, size))
        return said

    def end(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            if self.process is not None:
                self.process.kill()
                self.process.wait()
            self.process = self._socket = None

    def _connection(self) -> socket.socket:
        """Raises EOFError if another thread has ended the process, as `stop` does."""
        connection = self._socket
        if connection is None:
            raise EOFError("the process was ended")
        return connection


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    """The answer; raises the error that it says."""
    if "error" not in said:
        return said
    for known in (MediaUnreadableError, StructureUnavailableError):
        if said["code"] == known.code:
            raise known(said["error"])
    raise TowerError(said["error"], code=ErrorCode[said["code"]])
