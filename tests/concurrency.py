"""Several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy.orm import Session

from db.engine import Sessions
from tower.errors import TowerError


def race(sessions: Sessions, *contenders: Callable[[Session], object]) -> None:
    """Each in a thread and a transaction of its own, all at once. To be refused by Tower is no fault; all else is."""
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
