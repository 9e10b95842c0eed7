"""Finds workers of which Prefect receives no heartbeat: their machine is gone or cut off, and with it their runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime

from tower.clients.prefect import WorkerInfo
from tower.errors.codes import ErrorCode
from tower.jobs.lost_runs import RunLoss

HEARTBEAT_TIMEOUT_S = 90.0  # three heartbeats of a worker
MAX_GAP_S = 45.0  # between two looks; a process that does not lead looks every 30 s


class SilentWorkers:
    """Measures how long each worker has sent no new heartbeat, by this process's own clock.

    A long gap between two looks does not count: Prefect or this process was away in it.
    """

    def __init__(self, timeout_s: float = HEARTBEAT_TIMEOUT_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._looked_at = clock()
        self._last_seen: dict[str, tuple[datetime | None, float]] = {}

    def look(self, workers: Iterable[WorkerInfo]) -> None:
        now = self._clock()
        known = {} if now - self._looked_at > MAX_GAP_S else self._last_seen
        seen = ((worker, known.get(worker.name)) for worker in workers)
        self._last_seen = {
            worker.name: last if last and last[0] == worker.last_heartbeat else (worker.last_heartbeat, now)
            for worker, last in seen
        }
        self._looked_at = now

    def find_loss(self, name: str | None) -> RunLoss | None:
        """The loss of a run of this worker. None for a worker that Prefect does not know, or that never sent any."""
        heartbeat, since = self._last_seen.get(name or "", (None, 0.0))
        if heartbeat is None or self._looked_at - since < self._timeout_s:
            return None
        return RunLoss(ErrorCode.RUN_CRASHED, f"its worker has sent no heartbeat for {self._timeout_s:.0f} s")
