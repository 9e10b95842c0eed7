"""A separate stack on shifted ports, and its memory use."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from deployments import stack
from deployments.state import Addresses
from tower.settings import Settings


@contextmanager
def start_stack(data: Path) -> Iterator[tuple[Addresses, float]]:
    """Run a whole stack on this data folder; yields it with the seconds until it was ready."""
    settings = Settings(
        data_dir=data, port_offset=random.randrange(1000, 18_000), database_url=None, prefect_api_url=None
    )
    began = time.monotonic()
    with stack.start_temporarily(settings, lambda _: None) as addresses:
        yield addresses, time.monotonic() - began


def memory_mb(data: Path) -> dict[str, float]:
    """Proportional set size by the first words of each process of the stack on this data folder, in MB (10⁶ bytes)."""
    found: dict[str, float] = {}
    for process in _processes(data):
        try:
            name = _name(process.cmdline())
            found[name] = found.get(name, 0.0) + process.memory_full_info().pss / 1e6
        except psutil.Error:  # the process has ended
            continue
    return found


def _processes(data: Path) -> set[psutil.Process]:
    """The processes that name this data folder, and their descendants."""
    ours = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get("TOWER_DATA_DIR") == str(data) or str(data) in " ".join(process.cmdline()):
                ours |= {process, *process.children(recursive=True)}
        except psutil.Error:  # the process has ended, or belongs to another user
            continue
    return ours


def _name(words: list[str]) -> str:
    line = " ".join(words)
    known = ("prefect_server", "prefect worker", "api.serving", "zygote", "postgres", "deployments.cli")
    return next((name for name in known if name in line), "runs")
