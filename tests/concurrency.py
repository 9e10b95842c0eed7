"""Runs functions concurrently."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy.orm import Session

from db.engine import SessionFactory
from tower.errors import TowerError


def run_concurrently(sessions: SessionFactory, *contenders: Callable[[Session], object]) -> None:
    """Run each function in its own thread and transaction, all at once. A TowerError is allowed; any other error fails
    the test.
    """
    gate = threading.Barrier(len(contenders))
    faults: list[BaseException] = []

    def run(contender: Callable[[Session], object]) -> None:
        gate.wait()
        try:
            with sessions.begin() as session:
                contender(session)
        except TowerError:
            return
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(contender,)) for contender in contenders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
