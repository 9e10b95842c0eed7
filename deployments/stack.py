"""The embedded stack: everything that is not external, on this machine, in order."""

from __future__ import annotations

import os
import re
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployments import environment, external, orphaned_processes, ports, services, state
from deployments.gpu_worker import GpuWorker
from deployments.orphaned_runs import EVERY_S, Sweep
from deployments.postgres import DATABASE
from deployments.process import Command, Process, log_tail, started_at
from deployments.services import Parts
from deployments.state import Addresses, Child, State
from deployments.state_files import FileLock, require_writable
from deployments.supervisor import Chore, Supervisor
from deployments.worker_plans import POOLS, of_stack
from tower.errors import StackError
from tower.settings import Settings

__all__ = ["Addresses", "Stack", "running", "started"]

STOP_S = 60.0  # all parts together, each at its slowest


Say = Callable[[str], None]
_EVENT = re.compile(r"^\d\d:\d\d:\d\d  (.+)$", re.MULTILINE)  # as `tower up` writes it, without the time


def running(settings: Settings) -> Addresses | None:
    """Where the stack of this data folder is; None if none runs or it is not ready yet."""
    found = state.read(settings.data)
    return found.addresses if found and found.ready and found.supervisor.alive() else None


@contextmanager
def started(settings: Settings, say: Say) -> Iterator[Addresses]:
    """A stack of one's own: ready inside, stopped on the way out. StackError if it cannot start.

    It runs under a supervisor process of its own, which stops it also if this process is killed.
    """
    require_writable(settings.data)
    log = services.log_file(settings.data, "stack")
    process = Process(
        Command(
            name="stack",
            argv=(sys.executable, "-m", "deployments.cli", "up"),
            log=log,
            env={**os.environ, **environment.of_settings(settings), "NO_COLOR": "1"},
            stop_timeout_s=STOP_S,
        )
    )
    news = _News(log)
    process.spawn()
    try:
        while (found := _of(process, settings)) is None:
            for event in news.events():
                say(event)
            if not process.running():
                raise StackError(log_tail(log, lines=1).removeprefix("tower: "))
            time.sleep(0.1)
        yield found
        say("stopping the stack")
    finally:
        process.end()


class Stack:
    """One stack on one data folder, from start to stop. Used once."""

    def __init__(self, settings: Settings, say: Say, *, prefect_yaml: Path | None = None) -> None:
        """`prefect_yaml` says what is deployed; without it, Tower's own."""
        self._settings = external.without_stale(settings)
        self._say = say
        self._prefect_yaml = prefect_yaml
        self._mark = secrets.token_hex(8)
        self._lock = FileLock(settings.data / "stack.lock")
        self._state: State | None = None
        self._supervisor = Supervisor(say=say, changed=self._remember)

    def run(self, ready: Callable[[Addresses], None]) -> None:
        """Start, call `ready`, keep up until Ctrl-C or SIGTERM, stop. StopAskedError, or StackError with one sentence.

        Both are raised only after everything that was started has ended.
        """
        self._claim()
        with self._supervisor.signals():
            try:
                addresses, gpu = self._start()
                ready(addresses)
                self._supervisor.watch([self._sweeping(addresses), *gpu.chores()])
            finally:
                self._stop()

    def _claim(self) -> None:
        """Have the data folder and the ports to ourselves."""
        data = self._settings.data
        require_writable(data)
        self._lock.take(
            f"Another stack runs on the data folder {data}: use that one (`tower env`), end it, or set TOWER_DATA_DIR "
            "and TOWER_PORT_OFFSET to start a second one beside it."
        )
        if left := state.read(data):
            orphaned_processes.end_leftovers(left, self._say)
            state.forget(data)
        for port, owner in self._ports():
            ports.require_free(port, owner)

    def _ports(self) -> list[tuple[int, str]]:
        mine = self._settings.ports
        embedded = [
            (mine.prefect, "Prefect", self._settings.prefect_api_url),
            (mine.postgres, "PostgreSQL", self._settings.database_url),
        ]
        apis = [(mine.production, "the production API"), (mine.music, "the music API")]
        return [*apis, *((port, owner) for port, owner, url in embedded if not url)]

    def _start(self) -> tuple[Addresses, GpuWorker]:
        addresses = self._open_database()
        parts = Parts(self._settings, addresses, environment.for_parts(self._settings, addresses, mark=self._mark))
        self._open_prefect(parts, addresses)
        self._supervisor.launch(parts.apis())
        if sys.platform == "linux":
            self._supervisor.launch(parts.zygote())
        self._supervisor.run_step(parts.deploy(self._prefect_yaml), title="Deploying the flows", limit_s=120)
        gpu = GpuWorker(self._settings, of_stack(self._settings, "gpu"), addresses, self._supervisor, say=self._say)
        plans = [of_stack(self._settings, pool) for pool in POOLS]
        self._supervisor.launch(*(parts.worker(plan) for plan in plans), afterwards=gpu.ended)
        self._supervisor.wait()
        self._write(ready=True)
        return addresses, gpu

    def _open_database(self) -> Addresses:
        """The embedded database up, or the external one reached."""
        if self._settings.database_url:
            external.require_database(self._settings.database_url)
            return self._addressed(self._settings.database_url)
        server, service = services.postgres(self._settings, mark=self._mark)
        addresses = self._addressed(server.url(DATABASE))
        self._say("starting PostgreSQL")
        self._supervisor.launch(service)
        self._supervisor.wait()
        return addresses

    def _open_prefect(self, parts: Parts, addresses: Addresses) -> None:
        """Prefect up while our tables are brought up to date beside it."""
        if self._settings.prefect_api_url:
            external.require_prefect(self._settings.prefect_api_url)
        else:
            self._say("starting Prefect")
            own_server = self._settings.database_url is None
            self._supervisor.launch(parts.prefect(external.prefect_database(addresses.database_url, made=own_server)))
        self._supervisor.run_step(parts.migrate(), title="Migrating the database", limit_s=300)
        self._require_keys(addresses)
        self._supervisor.wait()
        self._say("starting the workers and the APIs")

    def _require_keys(self, addresses: Addresses) -> None:
        """StackError if the APIs are to ask for keys and there is none."""
        if self._settings.keys_required:
            from tower import api_keys  # it brings SQLAlchemy, which a supervisor can do without

            api_keys.require_for(self._settings.model_copy(update={"database_url": addresses.database_url}))

    def _addressed(self, database_url: str) -> Addresses:
        addresses = environment.addresses(self._settings, database_url)
        started = started_at(os.getpid()) or time.time()
        supervisor = Child("supervisor", os.getpid(), started)
        self._state = State(supervisor, self._mark, self._settings.port_offset, ready=False, addresses=addresses)
        return addresses

    def _remember(self, children: tuple[Child, ...]) -> None:
        self._write(children=children)

    def _write(self, **changed: Any) -> None:
        if self._state:
            self._state = replace(self._state, **changed)
            state.write(self._state)

    def _sweeping(self, addresses: Addresses) -> Chore:
        names = frozenset(of_stack(self._settings, pool).name for pool in POOLS)
        return Chore(Sweep(addresses.prefect_api_url, names).sweep, EVERY_S)

    def _stop(self) -> None:
        self._supervisor.stop()
        orphaned_processes.end(orphaned_processes.marked(self._mark), signal.SIGKILL)
        state.forget(self._settings.data)
        self._lock.release()


class _News:
    """The events that a supervisor adds to its log from now on."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size if log.exists() else 0

    def events(self) -> list[str]:
        if not self._log.exists():
            return []
        if self._log.stat().st_size < self._offset:
            self._offset = 0  # it was rotated
        with self._log.open() as file:
            file.seek(self._offset)
            whole = file.read()
        whole = whole[: whole.rfind("\n") + 1]
        self._offset += len(whole.encode())
        return _EVENT.findall(whole)


def _of(process: Process, settings: Settings) -> Addresses | None:
    """Where the stack is whose supervisor is `process`; None until it is ready."""
    found = state.read(settings.data)
    return found.addresses if found and found.ready and found.supervisor.pid == process.pid else None
