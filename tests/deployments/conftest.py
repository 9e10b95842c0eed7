"""Fixtures for the tests of the stack."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployments.process import Command
from tests.deployments.processes import make_open_folder

PythonCommand = Callable[..., Command]


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user can traverse."""
    with make_open_folder() as folder:
        yield folder


@pytest.fixture
def python(tmp_path: Path) -> PythonCommand:
    """Builds commands that run Python code, each with a log in `tmp_path`."""

    def make(code: str, *, name: str = "child", stop_timeout_s: float = 10.0) -> Command:
        return Command(
            name=name,
            argv=(sys.executable, "-IS", "-c", code),
            log=tmp_path / "logs" / f"{name}.log",
            env=dict(os.environ),
            stop_timeout_s=stop_timeout_s,
        )

    return make
