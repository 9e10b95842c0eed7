"""The embedded PostgreSQL: a server installed from a wheel and run as a child process."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from deployments import ports, postgres_home
from deployments.data_folder import read_private
from deployments.process import Command, Process, read_log_tail
from deployments.state_files import FileLock, write_private
from tower.errors import StackError
from tower.settings import LOOPBACK_HOST

DATABASE, PREFECT_DATABASE = "anime_production", "prefect"
USER = "tower"
START_TIMEOUT_S = 60.0  # a server that recovers from a crash replays its log before it accepts connections
_CONFIG = {
    "listen_addresses": LOOPBACK_HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "min_wal_size": "32MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_worker_slots": "2",
    "io_method": "sync",  # the default keeps three more processes
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """A PostgreSQL server with the databases `anime_production` and `prefect`, on loopback, with a password.

    A lock on the folder, which ends with this process, allows only one server per folder.
    """

    def __init__(
        self, folder: Path, port: int, *, log_file: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """`env` is added to the server's otherwise bare environment."""
        self.folder = folder.resolve()
        self.port = port
        self._log_file = log_file or self.folder / "postgres.log"
        self._env = {"LC_ALL": "C", "PATH": os.defpath, **(env or {})}
        self._lock: FileLock | None = None
        self._process: Process | None = None

    def start(self) -> None:
        """Start and wait until both databases can be used. Raises StackError if they cannot."""
        process = self.prepare()
        process.spawn()
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not self.is_ready():
                self._require_starting(process, deadline)
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> Process:
        """Lock the folder, create the data folder, and return the server as a process that is not spawned yet."""
        home = postgres_home.find_home(self.folder)
        self._lock = self._lock or FileLock(home.root / "lock")
        self._lock.acquire(
            f"Another Tower on this machine runs the database in {self.folder}: stop it first, or set "
            "TOWER_DATA_DIR to another folder."
        )
        try:
            _end_stale_postmaster(home.cluster)
            ports.require_free(self.port, "PostgreSQL")
            _initialise(home)
        except BaseException:
            self._lock.release()
            raise
        self._process = Process(self._command(home))
        return self._process

    def is_ready(self) -> bool:
        """Whether the server answers. The first successful call creates the databases."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=2) as connection:
                _create_databases(connection)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StackError(
                    f"The database in {self.folder} rejects the password in its file `password`: restore that file "
                    "from a backup, or move the folder away to start with an empty database."
                ) from None
            return False
        return True

    def stop(self) -> None:
        """Shut down fast: open transactions are rolled back, committed ones are kept."""
        if self._process:
            self._process.stop()
        if self._lock:
            self._lock.release()

    def url(self, database: str) -> str:
        """The `postgresql://` URL of one database; available before the first start."""
        password = _password(postgres_home.find_home(self.folder).password_file)
        return f"postgresql://{USER}:{password}@{LOOPBACK_HOST}:{self.port}/{database}"

    def _command(self, home: postgres_home.PostgresHome) -> Command:
        config = {**_CONFIG, "port": str(self.port)}
        options = [part for key, value in config.items() for part in ("-c", f"{key}={value}")]
        return Command(
            name="postgres",
            argv=(str(home.bin / "postgres"), "-D", str(home.cluster), *options),
            log=self._log_file,
            env=self._env,
            account=home.account,
            stop_signal=signal.SIGINT,
            stop_timeout_s=20,
        )

    def _require_starting(self, process: Process, deadline: float) -> None:
        """Raise if the server cannot become ready; spawn it again if an old shared memory block was the cause."""
        tail = read_log_tail(self._log_file)
        if time.monotonic() > deadline:
            raise StackError(
                f"PostgreSQL did not become ready within {START_TIMEOUT_S:.0f} s ({self._log_file}): {tail}"
            )
        if process.is_running():
            return
        if "shared memory block" not in tail:
            raise StackError(f"PostgreSQL ended during its start ({self._log_file}): {tail}")
        process.spawn()


def _initialise(home: postgres_home.PostgresHome) -> None:
    """Create the data folder if there is none; raise StackError if it has another major version."""
    version = home.cluster / "PG_VERSION"
    if not version.exists():
        _initdb(home)
        return
    found, ours = version.read_text().strip(), home.major_version()
    if found != ours:
        raise StackError(
            f"The database in {home.cluster} was created by PostgreSQL {found}, but this is PostgreSQL {ours}: move "
            "its rows with pg_dump and pg_restore, or move that folder away to start with an empty database."
        )


def _initdb(home: postgres_home.PostgresHome) -> None:
    unfinished = home.root / "cluster.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    home.give_to_server(unfinished)
    password = _password(home.password_file)
    handed_over = home.root / "password.new"  # the account that runs the server reads it once
    write_private(handed_over, password)
    home.give_to_server(handed_over)
    options = ("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions")
    try:
        _run_as(home, ["initdb", "-D", str(unfinished), "-U", USER, f"--pwfile={handed_over}", *options])
    finally:
        handed_over.unlink()
    unfinished.rename(home.cluster)


def _run_as(home: postgres_home.PostgresHome, argv: list[str]) -> None:
    account = home.account
    done = subprocess.run(
        [home.bin / argv[0], *argv[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode:
        report = home.root / "initdb.log"
        with contextlib.suppress(OSError):
            report.write_text(done.stderr)
        full = f", because the disk of {home.root} is full" if os.strerror(errno.ENOSPC) in done.stderr else ""
        raise StackError(f"{argv[0]} could not create the database in {home.root}{full}: {report} says why")


def _password(file: Path) -> str:
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return read_private(file)


def _end_stale_postmaster(cluster: Path) -> None:
    """End the server that a killed stack left on this folder. The lock proves that no stack uses it."""
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        if str(cluster) not in process.cmdline():
            return  # another program has the pid now
        log.warning("a PostgreSQL of an earlier run still uses %s: stopping it", cluster)
        process.send_signal(signal.SIGINT)
        if psutil.wait_procs([process], timeout=20)[1]:
            process.kill()
            process.wait(5)


def _create_databases(connection: psycopg.Connection) -> None:
    found = {name for (name,) in connection.execute("select datname from pg_database")}
    for name in (DATABASE, PREFECT_DATABASE):
        if name not in found:
            connection.execute(
                sql.SQL(
                    "create database {} template template0 encoding 'UTF8' locale_provider builtin "
                    "builtin_locale 'C.UTF-8' lc_collate 'C' lc_ctype 'C'"
                ).format(sql.Identifier(name))
            )
