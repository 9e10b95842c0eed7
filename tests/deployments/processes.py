"""Waits for processes to end, and makes folders that PostgreSQL can reach."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


def wait_until(condition: Callable[[], bool], *, limit_s: float = 60.0) -> None:
    """Wait until the condition is true; fail the test if it is not in time."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"the condition is still false after {limit_s} s"
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    """Whether a process has ended; a zombie counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def make_open_folder() -> Iterator[Path]:
    """A folder that every user can traverse, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="tower-deployments-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
