"""A stack that is killed and started again, on its own data folder and ports, with a ComfyUI stand-in."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from db.engine import SessionFactory, open_engine, session_factory
from deployments import stack as stacks
from deployments import state
from deployments.environment import replace_database
from deployments.postgres import PREFECT_DATABASE
from deployments.state import StackState
from tests.deployments.processes import make_open_folder
from tests.e2e.conftest import build_environment
from tests.fakes.comfyui.misbehaviour import Slow
from tests.fakes.comfyui.server import FakeComfyUI
from tower.clients.production import ProductionClient
from tower.settings import Settings

TOWER_UP = ("setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "deployments.cli", "up")
START_S = 900.0
GPU_SLOTS = 3
RENDER_STEP_S = 0.06  # of the stand-in: a render takes about a second
MODELS = {"animatediff_models": ["mm-Stabilized_high.pth"]}


class TorturedStack:
    """`tower up` with all its processes. Every method may be called while some of them are dead."""

    def __init__(self, data: Path, comfy: FakeComfyUI) -> None:
        self._comfy = comfy
        self._settings = Settings(data_dir=data)
        self._env = {
            **build_environment(data),
            "TOWER_COMFYUI_URL": comfy.url,
            "TOWER_GPU_SLOTS": str(GPU_SLOTS),
            "TOWER_BEAT_PROCESSES": "1",
        }
        self._log = data.with_name("up.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self._settings.data

    @cached_property
    def settings(self) -> Settings:
        return Settings(data_dir=self.data, database_url=self.read_state().addresses.database_url)

    @cached_property
    def api(self) -> ProductionClient:
        return ProductionClient(self.read_state().addresses.production_url)

    @cached_property
    def sessions(self) -> SessionFactory:
        return session_factory(open_engine(self.read_state().addresses.database_url, application="torture"))

    @cached_property
    def prefect_sessions(self) -> SessionFactory:
        url = replace_database(self.read_state().addresses.database_url, PREFECT_DATABASE)
        return session_factory(open_engine(url, application="torture"))

    def start(self) -> None:
        """Start `tower up`, and return when all its parts answer."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(TOWER_UP, env=self._env, stdout=out, stderr=subprocess.STDOUT)
        wait_until(self._is_ready, START_S, "tower up is not ready")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)

    def kill_supervisor(self) -> None:
        """Kill `tower up` itself, and start it again as its user would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.start()

    def kill_child(self, name: str) -> None:
        psutil.Process(next(child.pid for child in self.read_state().children if child.name == name)).kill()

    def kill_production_process(self) -> None:
        """Kill the process that answers the next request to the production API, and not the one that started it."""
        self._kill_answering(self.read_state().addresses.production_url)

    def kill_music_process(self) -> None:
        self._kill_answering(self.read_state().addresses.music_url)

    def kill_comfyui(self) -> None:
        self._comfy.restart(down_s=1.0)

    def is_whole(self) -> bool:
        found = state.read(self.data)
        return found is not None and all(child.is_alive() for child in found.children) and bool(self._read_status())

    def read_state(self) -> StackState:
        found = state.read(self.data)
        assert found is not None, f"no state in {self.data}"
        return found

    def read_log(self) -> str:
        return self._log.read_text(errors="replace")

    def _is_ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"tower up has ended: {self.read_log()[-500:]}")
        return stacks.find_running(self._settings) is not None

    def _read_status(self) -> dict[str, object]:
        return self.api.get_system_status()

    def _kill_answering(self, url: str) -> None:
        """The processes of an API share its port, so a connection shows which of them answers."""
        parent = next(child.pid for child in self.read_state().children if child.name == "apis")
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            port = connection.getsockname()[1]
            wait_until(lambda: bool(_list_peers(parent, port)), 10, "no process has accepted the connection")
            _list_peers(parent, port)[0].kill()


def wait_until(condition: Callable[[], bool], limit_s: float, complaint: str) -> None:
    """Poll until the condition holds. Raises TimeoutError after the limit."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint} after {limit_s:.0f} s")
        time.sleep(0.02)


@contextmanager
def start_tortured_stack() -> Iterator[TorturedStack]:
    with make_open_folder() as folder, FakeComfyUI(models=MODELS) as comfy:
        comfy.misbehave(Slow(times=None, seconds_per_step=RENDER_STEP_S))
        stack = TorturedStack(folder / "data", comfy)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


def _list_peers(parent: int, port: int) -> list[psutil.Process]:
    """The children of a process that have a connection to this port of a client."""
    return [
        child
        for child in psutil.Process(parent).children()
        if any(found.raddr and found.raddr.port == port for found in child.net_connections("tcp"))
    ]
