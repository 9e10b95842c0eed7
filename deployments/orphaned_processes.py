"""Ends what a killed stack left running. A process is ours by its number and start time, or by our mark in its
environment; anything else is a stranger and is left alone."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable

import psutil

from deployments.state import State

MARK = "TOWER_STACK_MARK"
PATIENCE_S = 5.0  # a run cannot report itself any more: its Prefect server was killed too


def end_leftovers(state: State, say: Callable[[str], None], *, patience_s: float = PATIENCE_S) -> None:
    """End every process of the stack that wrote `state`, the database last and in its own way."""
    left = {process.pid: process for process in (*_named(state), *marked(state.mark))}
    if not left:
        return
    say(f"ending {len(left)} processes that an earlier stack left on {state.addresses.data_dir}")
    servers = [process for process in left.values() if _is_database(process)]
    end([process for process in left.values() if process not in servers], signal.SIGTERM, patience_s=patience_s)
    end(servers, signal.SIGINT, patience_s=patience_s)


def marked(mark: str) -> list[psutil.Process]:
    """All processes that carry `mark`, but for this one and those it runs under."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in own and _mark_of(process) == mark]


def end(processes: Iterable[psutil.Process], number: signal.Signals, *, patience_s: float = PATIENCE_S) -> None:
    """Send the signal, wait, kill those that stay."""
    asked = list(processes)
    for process in asked:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    for process in psutil.wait_procs(asked, timeout=patience_s)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _named(state: State) -> list[psutil.Process]:
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
