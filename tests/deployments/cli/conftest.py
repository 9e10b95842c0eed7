"""A production API on a real database, and the `tower` command in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.production.app import create_app
from db.engine import SessionFactory
from deployments import state
from deployments.cli import main
from deployments.process import process_started_at
from deployments.state import Addresses, ChildProcess, StackState
from tests.api.live_server import serve_live
from tests.conftest import find_free_port
from tests.fakes.comfyui.server import FakeComfyUI
from tower.settings import Settings


def stack_environment(addresses: Addresses) -> dict[str, str]:
    """Write the record of a running stack. Returns the environment of a command that finds it."""
    started_at = process_started_at(os.getpid())
    assert started_at is not None
    supervisor = ChildProcess("supervisor", os.getpid(), started_at)
    state.write(StackState(supervisor, "mark", 0, ready=True, addresses=addresses))
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("TOWER_", "PREFECT_"))}
    return {**outer, "TOWER_DATA_DIR": str(addresses.data_dir)}


@pytest.fixture
def stack(tmp_path: Path, committing_engine: Engine, sessions: SessionFactory) -> Iterator[dict[str, str]]:
    """The environment of a command with a stack file that names a production API; Prefect is away."""
    database_url = committing_engine.url.render_as_string(hide_password=False)
    refusing_url = f"http://127.0.0.1:{find_free_port()}/api"
    with FakeComfyUI(models={"animatediff_models": ["mm-Stabilized_high.pth"]}) as comfyui:
        settings = Settings(database_url=database_url, prefect_api_url=refusing_url, comfyui_url=comfyui.url)
        with serve_live(create_app(settings), token="") as server:
            ui_url = refusing_url.removesuffix("/api")
            yield stack_environment(
                Addresses(f"{server.url}/api/anime", refusing_url, refusing_url, ui_url, database_url, tmp_path)
            )


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs `tower` in this process, which is quicker than a new one."""

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Outcome:
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = self.capture.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    def answer(self, *arguments: str) -> Any:
        """The answer of a command that must succeed."""
        outcome = self.run(*arguments, "--json")
        assert outcome.code == 0, outcome.err
        return json.loads(outcome.out)

    def made(self, *arguments: str) -> str:
        """The id that a command printed."""
        outcome = self.run(*arguments)
        assert outcome.code == 0, outcome.err
        return outcome.out.strip()


@pytest.fixture
def shell(stack: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line with the environment of `stack`."""
    for name in [name for name in os.environ if name.startswith(("TOWER_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    for name in stack.keys() - os.environ.keys():
        monkeypatch.setenv(name, stack[name])
    return Shell(capsys)
