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

from deployments.state import StackState

MARK_VARIABLE = "TOWER_STACK_MARK"
END_TIMEOUT_S = 5.0  # short: the Prefect server was killed too, so a run has nothing to report to


def end_leftovers(state: StackState, say: Callable[[str], None], *, timeout_s: float = END_TIMEOUT_S) -> None:
    """End every process of the stack that wrote `state`, PostgreSQL last and with SIGINT."""
    left = {process.pid: process for process in (*_recorded(state), *find_marked(state.mark))}
    if not left:
        return
    say(f"ending {len(left)} processes that an earlier stack left running on {state.addresses.data_dir}")
    servers = [process for process in left.values() if _is_database(process)]
    end_processes([process for process in left.values() if process not in servers], signal.SIGTERM, timeout_s=timeout_s)
    end_processes(servers, signal.SIGINT, timeout_s=timeout_s)


def find_marked(mark: str) -> list[psutil.Process]:
    """All processes whose environment contains `mark`, except this process and its parents."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _mark_of(process) == mark]


def end_processes(
    processes: Iterable[psutil.Process], stop_signal: signal.Signals, *, timeout_s: float = END_TIMEOUT_S
) -> None:
    """Send the signal, wait, then kill the processes that remain."""
    remaining = list(processes)
    for process in remaining:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(stop_signal)
    for process in psutil.wait_procs(remaining, timeout=timeout_s)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _recorded(state: StackState) -> list[psutil.Process]:
    return [psutil.Process(child.pid) for child in state.children if child.is_alive()]


def _is_database(process: psutil.Process) -> bool:
    try:
        return process.name() == "postgres"
    except psutil.NoSuchProcess:
        return False


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK_VARIABLE)
    except psutil.Error:
        return None
