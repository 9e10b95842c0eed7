"""A standalone worker for a stack that may run on another machine."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Callable

from deployments import environment, external, orphaned_processes
from deployments.data_folder import prepare_data_folder
from deployments.gpu_worker import GpuWorker
from deployments.orphaned_runs import SWEEP_INTERVAL_S, OrphanedRunSweeper
from deployments.services import StackServices
from deployments.state import Addresses
from deployments.state_files import FileLock
from deployments.supervisor import PeriodicTask, Supervisor
from deployments.warm.launcher import SOCKET_VARIABLE
from deployments.worker_plans import WorkerPlan, plan_standalone_worker
from tower.addresses import Address
from tower.errors import StackError
from tower.settings import Settings


class RemoteWorker:
    """One Prefect worker of `pool` with its own zygote. An instance runs once."""

    def __init__(self, settings: Settings, pool: str, say: Callable[[str], None], *, label: str | None = None) -> None:
        self._settings = settings
        self._plan = plan_standalone_worker(settings, pool, label)
        self._say = say
        self._mark = secrets.token_hex(8)
        self._lock = FileLock(settings.data / f"{self._plan.process_name}.lock")
        self._supervisor = Supervisor(say=say, on_change=lambda _children: None)

    def run(self) -> None:
        """Run until Ctrl-C or SIGTERM, then raise StopRequestedError. Raises StackError if the worker cannot start."""
        database_url, prefect_api_url = self._require_servers()
        prepare_data_folder(self._settings.data)
        self._lock.acquire(
            f"{self._plan.name} already runs: give another worker on this data folder a different --name."
        )
        with self._supervisor.handle_signals():
            try:
                chores = self._start(environment.build_addresses(self._settings, database_url))
                self._say(f"{self._plan.name} takes runs from {Address(prefect_api_url)}; stop it with Ctrl-C")
                self._supervisor.watch(chores)
            finally:
                self._supervisor.stop()
                orphaned_processes.end_processes(orphaned_processes.find_marked(self._mark), signal.SIGKILL)
                self._lock.release()

    def _start(self, addresses: Addresses) -> list[PeriodicTask]:
        """Start the worker and return the tasks to repeat while it runs."""
        env = environment.build_environment(self._settings, addresses, mark=self._mark)
        shared_socket = os.environ.get(SOCKET_VARIABLE)
        env[SOCKET_VARIABLE] = shared_socket or str(
            environment.warm_socket_path(self._settings.data, worker=self._plan.name)
        )
        parts = StackServices(self._settings, addresses, env)
        gpu = GpuWorker(self._settings, self._plan, addresses, self._supervisor, say=self._say)
        _make_queues(addresses, self._plan)
        if shared_socket is None and sys.platform == "linux":
            self._supervisor.launch(parts.zygote(f"zygote-{self._plan.name}"))
        self._supervisor.launch(parts.worker(self._plan), on_stopped=gpu.report_stopped)
        self._supervisor.wait_until_ready()
        sweep = PeriodicTask(
            OrphanedRunSweeper(
                addresses.prefect_api_url, frozenset({self._plan.name}), auth_string=addresses.prefect_auth_string
            ).sweep,
            SWEEP_INTERVAL_S,
        )
        return [sweep, *(gpu.periodic_tasks() if self._plan.pool == "gpu" else [])]

    def _require_servers(self) -> tuple[str, str]:
        """The URLs of the database and the Prefect server, after one successful connection to each."""
        database_url, prefect_api_url = self._settings.database_url, self._settings.prefect_api_url
        if database_url is None or prefect_api_url is None:
            raise StackError(
                "A worker needs TOWER_DATABASE_URL and PREFECT_API_URL of its stack: `tower env` prints both on the "
                "machine of that stack."
            )
        external.require_database(database_url)
        external.require_prefect(prefect_api_url, self._settings.prefect_api_auth_string)
        return database_url, prefect_api_url


def _make_queues(addresses: Addresses, plan: WorkerPlan) -> None:
    """An engine that is installed on this machine alone has none yet."""
    prefect = addresses.open_prefect()
    prefect.make_queues(plan.pool, plan.queues)
    prefect.close()
