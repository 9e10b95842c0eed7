"""The parts of the stack: the command that starts each and its health check."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from deployments import environment, orphaned_processes, ports
from deployments.postgres import EmbeddedPostgres
from deployments.process import Command, Process
from deployments.state import Addresses
from deployments.supervisor import ProcessSpec
from deployments.warm.launcher import SOCKET_VARIABLE
from deployments.worker_plans import WorkerPlan
from tower.addresses import tls_context
from tower.clients.prefect import PrefectClient
from tower.errors import StackError, UnavailableError
from tower.settings import LOOPBACK_HOST, Settings

_HTTP_S = 2.0
_SLACK_S = 1.0  # the server says its time in whole seconds
NO_SECRET = (
    "Prefect needs a secret that it can ask for: set PREFECT_API_AUTH_STRING to the same one for each part, "
    'for example "tower:$(openssl rand -hex 24)".'
)
API_NAMES = ("production", "episodes", "music")


class StackServices:
    """Builds the services of one stack, which share the environment `env` and a folder for logs."""

    def __init__(self, settings: Settings, addresses: Addresses, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._addresses = addresses
        self._env = env
        self._http = httpx.Client(timeout=_HTTP_S, trust_env=False, verify=tls_context())

    def prefect(self, database_url: str, *, host: str = LOOPBACK_HOST) -> ProcessSpec:
        """The Prefect server with its API, UI and background services, on `database_url`.

        Raises StackError if it has no secret to ask for.
        """
        if self._addresses.prefect_auth_string is None:
            raise StackError(NO_SECRET)
        port = self._settings.ports.prefect
        command = self._python_command(
            "prefect",
            ("-m", "deployments.prefect_server", host, str(port), self._addresses.prefect_ui_url),
            env=environment.build_prefect_environment(self._env, self._addresses, database_url=database_url),
        )
        health = f"{self._addresses.prefect_api_url}/health"
        return ProcessSpec(
            "prefect",
            "Prefect",
            lambda: _require_ports(command, port),
            lambda: self._is_up(health),
            start_timeout_s=300,
        )

    def apis(self, names: Sequence[str] = API_NAMES) -> ProcessSpec:
        """The named APIs. One process starts and restarts the processes that serve them."""
        own = self._settings.ports
        ports_of = {"production": own.production, "episodes": own.episodes, "music": own.music}
        processes = {"production": self._settings.api_processes}
        urls = self._addresses.api_urls
        specs = [f"{name}:{ports_of[name]}:{processes.get(name, 1)}" for name in names]
        command = self._python_command("apis", ("-m", "api.serving", "--host", self._settings.host, *specs))
        return ProcessSpec(
            "apis",
            "The APIs",
            lambda: _require_ports(command, *(ports_of[name] for name in names)),
            lambda: all(self._is_up(f"{urls[name]}/health") for name in names),
        )

    def zygote(self, name: str = "zygote") -> ProcessSpec:
        address = self._env[SOCKET_VARIABLE]
        command = self._python_command(name, ("-m", "deployments.warm.zygote", address), stop_timeout_s=15)
        return ProcessSpec(name, "The warm start", lambda: Process(command), lambda: is_listening(address))

    def worker(self, plan: WorkerPlan) -> ProcessSpec:
        prefect = self._addresses.open_prefect(timeout_s=_HTTP_S)
        watch = WorkerHealth(prefect, plan.pool, plan.name)

        def prepare() -> Process:
            return watch.watch_from_now(Process(self._worker_command(plan, lag_s=measure_clock_lag_s(prefect))))

        return ProcessSpec(plan.process_name, f"The {plan.pool} worker", prepare, watch.is_online)

    def migrate_command(self) -> Command:
        return self._python_command("migrate", ("-m", "deployments.cli", "migrate"))

    def deploy_command(self, prefect_yaml: Path | None) -> Command:
        return self._python_command(
            "deploy", ("-m", "deployments.deploy", *([str(prefect_yaml)] if prefect_yaml else []))
        )

    def _worker_command(self, plan: WorkerPlan, *, lag_s: int) -> Command:
        """Prefect's worker asks for the runs that are due by its own clock: it looks ahead by the lag of that clock."""
        options = ["--pool", plan.pool, "--type", "process", "--name", plan.name, "--prefetch-seconds", str(lag_s)]
        options += ["--limit", str(plan.slots)] if plan.slots else []
        options += [option for queue in plan.queues for option in ("--work-queue", queue)]
        env = {**self._env, "TOWER_WORKER": plan.name}
        return self._python_command(plan.process_name, ("-m", "prefect", "worker", "start", *options), env=env)

    def _is_up(self, url: str) -> bool:
        """Whether a server answers at `url` with success."""
        try:
            return self._http.get(url).is_success
        except httpx.HTTPError:
            return False

    def _python_command(
        self, name: str, arguments: tuple[str, ...], *, env: Mapping[str, str] | None = None, stop_timeout_s: float = 10
    ) -> Command:
        return Command(
            name=name,
            argv=(sys.executable, *arguments),
            log=log_path(self._settings.data, name),
            env=env or self._env,
            stop_timeout_s=stop_timeout_s,
        )


class WorkerHealth:
    """Whether Prefect receives heartbeats of a worker. Those sent before its last start do not count.

    Times are differences on one clock, the server's or this process's: the two may differ by minutes.
    """

    def __init__(self, prefect: PrefectClient, pool: str, name: str) -> None:
        self._client = prefect
        self._pool = pool
        self._name = name
        self._started_at = time.monotonic()
        self._next_check_at = 0.0

    def watch_from_now(self, process: Process) -> Process:
        self._started_at = time.monotonic()
        return process

    def is_online(self) -> bool:
        if time.monotonic() < self._next_check_at:
            return False
        self._next_check_at = time.monotonic() + 0.5
        try:
            seen = [worker for worker in self._client.list_workers(self._pool) if worker.name == self._name]
        except UnavailableError:
            return False
        uptime_s = time.monotonic() - self._started_at + _SLACK_S
        return any(worker.silent_s is not None and worker.silent_s < uptime_s for worker in seen)


def measure_clock_lag_s(prefect: PrefectClient, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int:
    """The whole seconds by which the clock of this machine is behind Prefect's; 0 if it is not, or Prefect is away."""
    try:
        lag_s = (prefect.read_clock() - clock()).total_seconds()
    except UnavailableError:
        return 0
    return int(lag_s) + 1 if lag_s > _SLACK_S else 0


def embedded_postgres(settings: Settings, *, mark: str) -> tuple[EmbeddedPostgres, ProcessSpec]:
    server = EmbeddedPostgres(
        settings.data / "postgres",
        settings.ports.postgres,
        log_file=log_path(settings.data, "postgres"),
        env={orphaned_processes.MARK_VARIABLE: mark},
    )
    return server, ProcessSpec("postgres", "PostgreSQL", server.prepare, server.is_ready)


def log_path(data: Path, name: str) -> Path:
    return data / "logs" / f"{name}.log"


def is_listening(address: str) -> bool:
    """Whether a process accepts connections at this Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def _require_ports(command: Command, *numbers: int) -> Process:
    for port in numbers:
        ports.require_free(port, command.name)
    return Process(command)
