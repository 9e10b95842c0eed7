"""A stack on several machines: PostgreSQL, Prefect, an API and the recipes on one, renders on two others.

The machines share the disk of this one, so the renders folder is reachable from a machine that is cut off. A network
file system would not be.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import httpx

from db.engine import SessionFactory, open_engine, session_factory
from deployments import postgres_home
from deployments.postgres import DATABASE, EmbeddedPostgres
from deployments.process import Process
from tests.torture.namespaces import ADDRESSES, list_words, shift_clock
from tests.torture.stack import wait_until
from tower.clients.production import ProductionClient
from tower.settings import LOOPBACK_HOST

POSTGRES_PORT, PREFECT_PORT, COMFYUI_PORT = 5432, 4200, 8188
MODEL = "animatediff_models/mm-Stabilized_high.pth"
TOWER = (sys.executable, "-m", "deployments.cli")
START_S = 900.0


class Machines:
    """Runs in the namespace of the machine `stack`. Leaving the block kills everything."""

    def __init__(self, data: Path, environment: dict[str, str]) -> None:
        self._data = data
        self._postgres = EmbeddedPostgres(data / "postgres", POSTGRES_PORT)
        url = self._postgres.url(DATABASE).replace(LOOPBACK_HOST, ADDRESSES["stack"])
        self._env = {
            **environment,
            "TOWER_DATA_DIR": str(data),
            "TOWER_DATABASE_URL": url,
            "PREFECT_API_URL": f"http://{ADDRESSES['stack']}:{PREFECT_PORT}/api",
            "PREFECT_API_AUTH_STRING": f"tower:{secrets.token_hex(16)}",
        }
        self._end = ExitStack()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Machines:
        self._start_database()
        self._call("migrate")
        self._start("prefect", "serve", "prefect", "--prefect-host", "0.0.0.0")
        wait_until(lambda: self._answers(f"{self._env['PREFECT_API_URL']}/health"), START_S, "Prefect does not answer")
        self._call("deploy")
        self._start("production", "serve", "production")
        self._start("cpu", "worker", "cpu")
        wait_until(lambda: self._answers(f"{self.api.url}/health"), START_S, "the API does not answer")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
        self._end.close()

    @cached_property
    def api(self) -> ProductionClient:
        return ProductionClient(f"http://{LOOPBACK_HOST}:8328/api/anime", timeout_s=60)

    @cached_property
    def sessions(self) -> SessionFactory:
        return session_factory(open_engine(self._env["TOWER_DATABASE_URL"], application="torture"))

    @property
    def database_url(self) -> str:
        return self._env["TOWER_DATABASE_URL"]

    @property
    def renders(self) -> Path:
        return self._data / "renders"

    def start_comfyui(self, machine: str, *, per_step_s: float, misbehaviour: str = "") -> None:
        """Start a stand-in for ComfyUI on the machine, in place of an earlier one."""
        options = ["--host", "0.0.0.0", "--port", str(COMFYUI_PORT), "--model", MODEL]
        options += ["--seconds-per-step", str(per_step_s), *(["--misbehave", misbehaviour] if misbehaviour else [])]
        self._spawn(f"comfyui-{machine}", machine, [sys.executable, "-m", "tests.fakes.comfyui.server", *options])

    def start_worker(self, machine: str, *, comfyui: str, name: str | None = None, clock_s: int = 0) -> None:
        """Start a gpu worker on the machine with the ComfyUI of another, and wait until it takes runs."""
        name = name or machine
        command = [*TOWER, "worker", "gpu", "--comfyui", f"http://{ADDRESSES[comfyui]}:{COMFYUI_PORT}", "--name", name]
        self._spawn(name, machine, command, clock_s=clock_s)
        log = self._log_of(name)
        wait_until(lambda: "takes runs from" in log.read_text(), START_S, f"the worker {name} does not start")

    def stop(self, name: str) -> None:
        self._processes.pop(name).kill()

    def read_log(self, name: str) -> str:
        return self._log_of(name).read_text(errors="replace")

    def _start(self, name: str, *words: str) -> None:
        self._spawn(name, "stack", [*TOWER, *words])

    def _spawn(self, name: str, machine: str, command: list[str], *, clock_s: int = 0) -> None:
        if (earlier := self._processes.pop(name, None)) is not None:
            earlier.kill()
            earlier.wait()
        env = shift_clock(self._env, clock_s) if clock_s else self._env
        with self._log_of(name).open("wb") as out:
            self._processes[name] = subprocess.Popen(
                list_words(machine, command), env=env, stdout=out, stderr=subprocess.STDOUT
            )

    def _call(self, *words: str) -> None:
        """Run a command of Tower, up to three times as compose.yaml does: a busy server answers late."""
        for _ in range(3):
            done = subprocess.run([*TOWER, *words], env=self._env, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
        raise RuntimeError(f"tower {' '.join(words)}: {done.stderr}")

    def _start_database(self) -> None:
        """Start PostgreSQL for the other machines too."""
        process = self._postgres.prepare()
        hosts = postgres_home.find_home(self._data / "postgres").cluster / "pg_hba.conf"
        with hosts.open("a") as file:
            file.write("host all all 10.77.0.0/24 scram-sha-256\n")
        here = f"listen_addresses={LOOPBACK_HOST}"
        argv = tuple("listen_addresses=*" if word == here else word for word in process.command.argv)
        server = Process(replace(process.command, argv=argv))
        server.spawn()
        self._end.callback(server.kill)
        wait_until(self._postgres.is_ready, START_S, "PostgreSQL does not answer")

    def _log_of(self, name: str) -> Path:
        return self._data.with_name(f"{name}.log")

    def _answers(self, url: str) -> bool:
        try:
            return httpx.get(url, timeout=2).is_success
        except httpx.HTTPError:
            return False
