"""Runs the APIs of a stack: one process loads them and forks the processes that answer requests.

    python -m api.serving --host 127.0.0.1 production:8328:2 episodes:8323:1 music:8315:1

Forked processes share the loaded modules, so a second one costs little memory, and it can use another core. A process
that dies is forked again. One that dies within MIN_LIFE_S ends all of them, so that the supervisor notices. The
parent has one thread, because a lock held by another thread at the fork would stay locked in the child.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOL_SOCKET, socket
from typing import Self

import psutil
import uvicorn
from fastapi import FastAPI

from api.http.connections import BoundedConnection
from tower import logs
from tower.errors import StackError
from tower.settings import LOOPBACK_HOST, Settings

MIN_LIFE_S = 3.0
GC_THRESHOLDS = (
    20_000,
    20,
    50,
)  # Python's default collects 30 times as often: an eighth of the time of a list
SWITCH_INTERVAL_S = 0.0005  # with Python's default of 5 ms the event loop would wait as long as a whole request takes
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}

log = logging.getLogger("tower.serving")


@dataclass(frozen=True)
class ServiceSpec:
    """Serve the app of `api/<name>/app.py` on a port with a number of processes."""

    name: str
    port: int
    processes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse NAME:PORT:PROCESSES, such as 'production:8328:2'."""
        name, port, processes = text.split(":")
        return cls(name, int(port), int(processes))


@dataclass(frozen=True)
class WorkerProcess:
    """One process of an app, and the listening socket that all processes of the app share."""

    name: str
    app: FastAPI
    listener: socket
    is_leader: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=LOOPBACK_HOST)
    parser.add_argument("services", nargs="+", type=ServiceSpec.parse, metavar="NAME:PORT:PROCESSES")
    args = parser.parse_args()
    settings = Settings()
    os.umask(0o077)  # what the APIs keep is for this user alone
    logs.configure_logging(settings)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # it starts threads when numpy, scipy or cv2 is imported
    try:
        doors = [door for spec in args.services for door in _bind(spec, args.host, settings)]
        gc.collect()
        gc.freeze()  # a later collection would touch, and so copy, every page
        code = ProcessGroup(doors).run()
    except StackError as error:
        sys.exit(f"tower: {error}")
    sys.exit(code)


class ProcessGroup:
    """The forked processes, one for each door."""

    def __init__(self, workers: Sequence[WorkerProcess]) -> None:
        self._doors = workers
        self._living: dict[int, tuple[WorkerProcess, float]] = {}
        self._ending = False
        self._lifeline = os.pipe()  # the write end closes when this process ends

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or an early death, and return the exit code.

        Raises StackError if this process has a second thread. The forked processes then end with this one.
        """
        code = 0
        for number in STOP_SIGNALS:
            signal.signal(number, self._end)
        for door in self._doors:
            self._fork(door)
        while self._living:
            pid, status = os.wait()
            door, started_s = self._living.pop(pid)
            if self._ending:
                continue
            exit_code = os.waitstatus_to_exitcode(status)
            if time.monotonic() - started_s < MIN_LIFE_S:
                code = exit_code if exit_code > 0 else 1
                self._end()
            else:
                log.error("A process of the %s API ended (exit code %s); a new one replaces it", door.name, exit_code)
                self._fork(door)
        return code

    def _fork(self, door: WorkerProcess) -> None:
        if (threads := psutil.Process().num_threads()) > 1:
            raise StackError(f"{threads} threads run before the {door.name} API forks: an import started one")
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # until the parent has recorded the child
        if not self._ending:
            pid = os.fork()
            if pid == 0:
                _run(door, self._lifeline)
            self._living[pid] = (door, time.monotonic())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _end(self, *_: object) -> None:
        self._ending = True
        for pid in self._living:
            with suppress(ProcessLookupError):  # it has ended already
                os.kill(pid, signal.SIGTERM)


def _bind(spec: ServiceSpec, host: str, settings: Settings) -> list[WorkerProcess]:
    """Load the app and bind its port. Raises StackError if the port is not available."""
    app = importlib.import_module(f"api.{spec.name}.app").create_app(settings)
    listener = socket(AF_INET6 if ":" in host else AF_INET)
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        listener.bind((host, spec.port))  # listening starts when the first process is ready
    except OSError as error:
        raise StackError(f"port {spec.port} of the {spec.name} API: {error.strerror}") from error
    return [WorkerProcess(spec.name, app, listener, is_leader=not number) for number in range(spec.processes)]


def _run(door: WorkerProcess, lifeline: tuple[int, int]) -> None:
    """Serve in a forked process, and never return."""
    code = 1
    try:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        os.close(lifeline[1])
        threading.Thread(target=_end_with_parent, args=(lifeline[0],), daemon=True).start()
        door.app.state.leads = door.is_leader
        gc.set_threshold(*GC_THRESHOLDS)
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        config = uvicorn.Config(door.app, http=BoundedConnection, log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[door.listener])
        code = 0
    except Exception:
        log.exception("The %s API failed", door.name)
    finally:
        logging.shutdown()
        os._exit(code)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
