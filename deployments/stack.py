"""The embedded stack: starts every part that is not external, in order, on this machine."""

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
from deployments.data_folder import prepare_data_folder
from deployments.gpu_worker import GpuWorker
from deployments.orphaned_runs import SWEEP_INTERVAL_S, OrphanedRunSweeper
from deployments.postgres import DATABASE
from deployments.process import Command, Process, process_started_at, read_log_tail
from deployments.services import StackServices
from deployments.state import Addresses, ChildProcess, StackState
from deployments.state_files import FileLock
from deployments.supervisor import PeriodicTask, Supervisor
from deployments.worker_plans import POOLS, plan_stack_worker
from tower.errors import StackError
from tower.settings import Settings

STOP_TIMEOUT_S = 60.0  # for all parts together
EventPrinter = Callable[[str], None]
_EVENT = re.compile(
    r"^\d\d:\d\d:\d\d  (.+)$", re.MULTILINE
)  # a line of `tower up`; the group is the text after the time


def find_running(settings: Settings) -> Addresses | None:
    """The addresses of this data folder's stack, or None if no stack is ready."""
    found = state.read(settings.data)
    return found.addresses if found and found.ready and found.supervisor.is_alive() else None


@contextmanager
def start_temporarily(settings: Settings, say: EventPrinter) -> Iterator[Addresses]:
    """Start a stack for the duration of the block. Raises StackError if it cannot start.

    It runs under its own supervisor process, which also stops it if this process is killed.
    """
    prepare_data_folder(settings.data)
    log = services.log_path(settings.data, "stack")
    process = Process(
        Command(
            name="stack",
            argv=(sys.executable, "-m", "deployments.cli", "up"),
            log=log,
            env={**os.environ, **environment.settings_as_variables(settings), "NO_COLOR": "1"},
            stop_timeout_s=STOP_TIMEOUT_S,
        )
    )
    log_reader = _LogReader(log)
    process.spawn()
    try:
        while (found := _addresses_of(process, settings)) is None:
            for event in log_reader.read_events():
                say(event)
            if not process.is_running():
                raise StackError(read_log_tail(log, lines=1).removeprefix("tower: "))
            time.sleep(0.1)
        yield found
        say("stopping the stack")
    finally:
        process.stop()


class Stack:
    """One stack on one data folder, from start to stop. An instance runs once."""

    def __init__(self, settings: Settings, say: EventPrinter, *, prefect_yaml: Path | None = None) -> None:
        """`prefect_yaml` lists the deployments; the default is Tower's own file."""
        self._settings = external.without_stale_addresses(settings)
        self._say = say
        self._prefect_yaml = prefect_yaml
        self._mark = secrets.token_hex(8)
        self._lock = FileLock(settings.data / "stack.lock")
        self._state: StackState | None = None
        self._supervisor = Supervisor(say=say, on_change=self._record_children)

    def run(self, on_ready: Callable[[Addresses], None]) -> None:
        """Start, call `on_ready`, run until Ctrl-C or SIGTERM, and stop.

        Raises StopRequestedError after a signal and StackError if a part cannot start, both after all parts have ended.
        """
        self._claim()
        with self._supervisor.handle_signals():
            try:
                addresses, gpu = self._start()
                on_ready(addresses)
                self._supervisor.watch([self._sweep_task(addresses), *gpu.periodic_tasks()])
            finally:
                self._stop()

    def _claim(self) -> None:
        """Lock the data folder, end what an earlier stack left, and check that the ports are free."""
        data = self._settings.data
        prepare_data_folder(data)
        self._lock.acquire(
            f"Another stack runs on the data folder {data}: use it (`tower env`), stop it, or set TOWER_DATA_DIR and "
            "TOWER_PORT_OFFSET to start a second one."
        )
        if left := state.read(data):
            orphaned_processes.end_leftovers(left, self._say)
            state.delete(data)
        for port, owner in self._ports():
            ports.require_free(port, owner)

    def _ports(self) -> list[tuple[int, str]]:
        own = self._settings.ports
        embedded = [
            (own.prefect, "Prefect", self._settings.prefect_api_url),
            (own.postgres, "PostgreSQL", self._settings.database_url),
        ]
        apis = [
            (own.production, "the production API"),
            (own.episodes, "the episodes API"),
            (own.music, "the music API"),
        ]
        return [*apis, *((port, owner) for port, owner, url in embedded if not url)]

    def _start(self) -> tuple[Addresses, GpuWorker]:
        addresses = self._start_database()
        parts = StackServices(
            self._settings, addresses, environment.build_environment(self._settings, addresses, mark=self._mark)
        )
        self._start_prefect(parts, addresses)
        self._supervisor.launch(parts.apis())
        if sys.platform == "linux":
            self._supervisor.launch(parts.zygote())
        self._supervisor.run_step(parts.deploy_command(self._prefect_yaml), title="Deploying the flows", limit_s=120)
        gpu = GpuWorker(
            self._settings, plan_stack_worker(self._settings, "gpu"), addresses, self._supervisor, say=self._say
        )
        plans = [plan_stack_worker(self._settings, pool) for pool in POOLS]
        self._supervisor.launch(*(parts.worker(plan) for plan in plans), on_stopped=gpu.report_stopped)
        self._supervisor.wait_until_ready()
        self._update_state(ready=True)
        return addresses, gpu

    def _start_database(self) -> Addresses:
        """Start the embedded database, or connect to the external one."""
        if self._settings.database_url:
            external.require_database(self._settings.database_url)
            return self._begin_state(self._settings.database_url)
        server, service = services.embedded_postgres(self._settings, mark=self._mark)
        addresses = self._begin_state(server.url(DATABASE))
        self._say("starting PostgreSQL")
        self._supervisor.launch(service)
        self._supervisor.wait_until_ready()
        return addresses

    def _start_prefect(self, parts: StackServices, addresses: Addresses) -> None:
        """Start Prefect, and migrate Tower's database while Prefect starts."""
        if self._settings.prefect_api_url:
            external.require_prefect(self._settings.prefect_api_url, self._settings.prefect_api_auth_string)
        else:
            self._say("starting Prefect")
            own_server = self._settings.database_url is None
            self._supervisor.launch(
                parts.prefect(external.prepare_prefect_database(addresses.database_url, exists=own_server))
            )
        self._supervisor.run_step(parts.migrate_command(), title="Migrating the database", limit_s=300)
        self._require_keys(addresses)
        self._supervisor.wait_until_ready()
        self._say("starting the workers and the APIs")

    def _require_keys(self, addresses: Addresses) -> None:
        """Raise StackError if the APIs require keys and there is none."""
        if self._settings.keys_required:
            from tower import api_keys  # imported here: it loads SQLAlchemy, which the supervisor does not need

            api_keys.require_usable_key(self._settings.model_copy(update={"database_url": addresses.database_url}))

    def _begin_state(self, database_url: str) -> Addresses:
        addresses = environment.build_addresses(self._settings, database_url)
        started = process_started_at(os.getpid()) or time.time()
        supervisor = ChildProcess("supervisor", os.getpid(), started)
        self._state = StackState(supervisor, self._mark, self._settings.port_offset, ready=False, addresses=addresses)
        return addresses

    def _record_children(self, children: tuple[ChildProcess, ...]) -> None:
        self._update_state(children=children)

    def _update_state(self, **changed: Any) -> None:
        if self._state:
            self._state = replace(self._state, **changed)
            state.write(self._state)

    def _sweep_task(self, addresses: Addresses) -> PeriodicTask:
        names = frozenset(plan_stack_worker(self._settings, pool).name for pool in POOLS)
        return PeriodicTask(
            OrphanedRunSweeper(addresses.prefect_api_url, names, auth_string=addresses.prefect_auth_string).sweep,
            SWEEP_INTERVAL_S,
        )

    def _stop(self) -> None:
        self._supervisor.stop()
        orphaned_processes.end_processes(orphaned_processes.find_marked(self._mark), signal.SIGKILL)
        state.delete(self._settings.data)
        self._lock.release()


class _LogReader:
    """Reads the events that a supervisor appends to its log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size if log.exists() else 0

    def read_events(self) -> list[str]:
        if not self._log.exists():
            return []
        if self._log.stat().st_size < self._offset:
            self._offset = 0  # the log was rotated
        with self._log.open() as file:
            file.seek(self._offset)
            text = file.read()
        lines = text[: text.rfind("\n") + 1]
        self._offset += len(lines.encode())
        return _EVENT.findall(lines)


def _addresses_of(process: Process, settings: Settings) -> Addresses | None:
    """The addresses of the stack supervised by `process`; None until it is ready."""
    found = state.read(settings.data)
    return found.addresses if found and found.ready and found.supervisor.pid == process.pid else None
