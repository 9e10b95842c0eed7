"""Ends processes that a killed stack left running.

A process belongs to the stack if its pid and start time match, or if its environment contains the stack's mark. Other
processes are left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable

import psutil

from deployments.state import State

MARK = "TOWER_STACK_MARK"
PATIENCE_S = 5.0  # short: the Prefect server was killed too, so a run has nothing to report to


def end_leftovers(state: State, say: Callable[[str], None], *, patience_s: float = PATIENCE_S) -> None:
    """End every process of the stack that wrote `state`, PostgreSQL last and with SIGINT."""
    left = {process.pid: process for process in (*_recorded(state), *marked(state.mark))}
    if not left:
        return
    say(f"ending {len(left)} processes that an earlier stack left running on {state.addresses.data_dir}")
    servers = [process for process in left.values() if _is_database(process)]
    end([process for process in left.values() if process not in servers], signal.SIGTERM, patience_s=patience_s)
    end(servers, signal.SIGINT, patience_s=patience_s)


def marked(mark: str) -> list[psutil.Process]:
    """All processes whose environment contains `mark`, except this process and its parents."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _mark_of(process) == mark]


def end(processes: Iterable[psutil.Process], number: signal.Signals, *, patience_s: float = PATIENCE_S) -> None:
    """Send the signal, wait, then kill the processes that remain."""
    remaining = list(processes)
    for process in remaining:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    for process in psutil.wait_procs(remaining, timeout=patience_s)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _recorded(state: State) -> list[psutil.Process]:
    return [psutil.Process(child.pid) for child in state.children if child.alive()]


def _is_database(process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres"
    except psutil.NoSuchProcess:
        return False


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None
