"""Warm start for Prefect runs: a process that imports everything once and forks a run on request.

    python -m deployments.warm.zygote SOCKET

A forked run behaves as `python -m prefect.engine` but saves two seconds of imports and shares their memory with its
siblings. The zygote has one thread and holds no API client, event loop, database connection or device. It also imports
the flows; if one of their files has changed since, the run starts cold and executes the new code. On SIGTERM the zygote
waits for its runs and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deployments.entrypoints import PREFECT_YAML, list_flow_modules
from tower.plugins import ENGINES_GROUP, declared_entry_points

PRELOADED = (
    "prefect",
    "prefect.engine",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.artifacts",
    "prefect.deployments",
    "prefect.events.clients",
    "prefect.utilities.visualization",
    "pydantic.v1",
    "pydantic_settings",
    "anyio._backends._asyncio",
    "encodings.idna",
    "rich._emoji_codes",
    "httpx",
    "psycopg",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql.psycopg",
    "numpy",
    "cv2",
    "av",
)
GRACE_S = 10.0  # from SIGTERM to SIGKILL for a run whose launcher was killed
_REQUEST_BYTES = 1 << 20
SourceTimes = dict[str, int | None]


@dataclass(frozen=True)
class RunRequest:
    """The environment and the working directory of a run."""

    env: dict[str, str]
    cwd: str


class ForkedRun:
    """A forked run, leader of its own process group, and the launcher that waits for it."""

    def __init__(self, pid: int, launcher: socket.socket) -> None:
        self.pid = pid
        self.launcher = launcher
        self.pidfd = os.pidfd_open(pid)
        self.stop_requested = False
        self.kill_at: float | None = None

    def send_signal(self, signal_number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal_number)


class Zygote:
    """Serves one socket. `serve` returns a request in each forked run, and None in the zygote at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._runs: set[ForkedRun] = set()
        self._draining = False
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def serve(self) -> RunRequest | None:
        self._listen()
        signal.signal(signal.SIGTERM, self._start_draining)
        while True:
            if self._draining:
                self._stop_listening()
                if not self._runs:
                    return None
            for key, _ in self._selector.select(timeout=1):
                request = self._on_event(key.fileobj, key.data)
                if request is not None:
                    return request
            self._kill_overdue()

    def _listen(self) -> None:
        self.path.unlink(missing_ok=True)
        before = os.umask(0o177)
        self._listener.bind(str(self.path))
        os.umask(before)
        self._listener.listen(64)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _start_draining(self, *_: object) -> None:
        self._draining = True

    def _stop_listening(self) -> None:
        if self._listener.fileno() >= 0:
            self._selector.unregister(self._listener)
            self._listener.close()
            self.path.unlink(missing_ok=True)

    def _on_event(self, source: object, run: ForkedRun | None) -> RunRequest | None:
        if run is None:
            return self._fork()
        if run not in self._runs:
            return None  # the run and its launcher ended in the same batch of events
        if source == run.pidfd:
            self._reap(run)
        else:
            self._on_message(run)
        return None

    def _fork(self) -> RunRequest | None:
        """Fork a run. Returns its request in the run and None in the zygote."""
        launcher = self._listener.accept()[0]
        request = _read_request(launcher)
        if request is None:
            launcher.close()
            return None
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            self._leave_zygote(launcher)
            return request
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the run calls it too; one of the two comes first
        run = ForkedRun(pid, launcher)
        with contextlib.suppress(OSError):  # the launcher has gone: the selector reports it next
            socket.send_fds(launcher, [b"%d" % pid], [run.pidfd])
        self._runs.add(run)
        self._selector.register(run.pidfd, selectors.EVENT_READ, run)
        self._selector.register(launcher, selectors.EVENT_READ, run)
        return None

    def _leave_zygote(self, launcher: socket.socket) -> None:
        """In the run: close the zygote's sockets and restore the default signal handling."""
        self._selector.close()
        for connection in (self._listener, launcher, *(run.launcher for run in self._runs)):
            connection.close()
        for run in self._runs:
            os.close(run.pidfd)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)

    def _reap(self, run: ForkedRun) -> None:
        """Send the exit status of an ended run to its launcher."""
        status = os.waitpid(run.pid, 0)[1]
        self._runs.discard(run)
        with contextlib.suppress(OSError):
            run.launcher.send(b"%d" % status)
        self._selector.unregister(run.pidfd)
        os.close(run.pidfd)
        self._disconnect(run)

    def _on_message(self, run: ForkedRun) -> None:
        """Note that the launcher forwarded a signal; end the run if the launcher was killed."""
        try:
            message = run.launcher.recv(16)
        except OSError:
            message = b""
        if message:
            run.stop_requested = True
            return
        self._disconnect(run)
        run.send_signal(
            signal.SIGKILL if run.stop_requested else signal.SIGTERM
        )  # on SIGTERM the run reports itself crashed
        run.kill_at = time.monotonic() + GRACE_S

    def _disconnect(self, run: ForkedRun) -> None:
        if run.launcher.fileno() >= 0:
            self._selector.unregister(run.launcher)
            run.launcher.close()

    def _kill_overdue(self) -> None:
        for run in self._runs:
            if run.kill_at is not None and time.monotonic() > run.kill_at:
                run.send_signal(signal.SIGKILL)


def main() -> None:
    """Import, serve, and in a forked run become `prefect.engine`."""
    sources = preload(list_flow_modules(PREFECT_YAML))
    logging_before = _logging_settings()
    _print(f"zygote {os.getpid()} is ready at {sys.argv[1]}")
    request = Zygote(Path(sys.argv[1])).serve()
    if request is not None:
        become_engine(request, logging_before, sources)


def preload(flows: Sequence[str] = ()) -> SourceTimes:
    """Import what every run needs, then the flows; return the flows' source files with their modification times.

    Exits if an import has started a thread, because threads do not survive a fork.
    """
    for name in PRELOADED:
        importlib.import_module(name)
    before = set(sys.modules)
    for name in flows:
        try:
            importlib.import_module(name)
        except Exception as error:  # a run that needs the module imports it again and reports the error
            _print(f"zygote: {name} cannot be imported: {error!r}")
    declared_entry_points(ENGINES_GROUP)  # saves each run 30 ms
    sources = _source_times(set(sys.modules) - before)
    threads = psutil.Process().num_threads()
    if threads > 1:
        sys.exit(f"zygote: a preloaded package started {threads - 1} threads; forking is not safe")
    gc.collect()
    gc.freeze()  # a collection in a run would write to every page and so copy it
    return sources


def _source_times(names: set[str]) -> SourceTimes:
    """Modification times of the modules' files in nanoseconds; None if a file is gone."""
    files = {getattr(sys.modules[name], "__file__", None) for name in names}
    return {file: _changed_at(file) for file in files if file}


def _changed_at(file: str) -> int | None:
    try:
        return os.stat(file).st_mtime_ns  # noqa: PTH116 - called a hundred times for each run
    except OSError:
        return None


def _read_request(launcher: socket.socket) -> RunRequest | None:
    """The launcher's request; None if it is invalid or the launcher has gone."""
    launcher.settimeout(1)
    try:
        document = json.loads(launcher.recv(_REQUEST_BYTES))
        request = RunRequest(env=document["env"], cwd=document["cwd"])
        launcher.setblocking(False)
        launcher.recv(1)
    except BlockingIOError:
        return request  # nothing more to read: the connection is open
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None


def become_engine(request: RunRequest, logging_before: dict[str, str], sources: SourceTimes) -> None:
    """Execute the run: at once, or as a cold start if a source file has changed."""
    os.environ.clear()
    os.environ.update(request.env)
    os.chdir(request.cwd)
    if any(_changed_at(file) != changed_at for file, changed_at in sources.items()):
        os.execv(sys.executable, [sys.executable, "-m", "prefect.engine"])
    sys.argv = ["prefect.engine"]
    sys.path[0] = request.cwd
    sys.modules["numpy"].random.seed()  # `random` reseeds itself after a fork, numpy does not
    context = importlib.import_module("prefect.context")
    context.refresh_global_settings_context()  # the PREFECT_* settings of the run, not of the zygote
    if _logging_settings() != logging_before:
        importlib.import_module("prefect.logging.configuration").setup_logging()
    warnings.filterwarnings("ignore", message=".*found in sys.modules.*", category=RuntimeWarning)
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)


def _logging_settings() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith(("PREFECT_LOGGING_", "PREFECT_DEBUG"))}


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - its stdout is its log


if __name__ == "__main__":
    main()
