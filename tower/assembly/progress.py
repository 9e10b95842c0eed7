"""Counts the work of an assembly, reports its share and what it has kept, and ends it when it is cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tower.errors import CancelledError

INTERVAL_S = 0.1  # between two reports, and between two questions whether the work is cancelled


class Progress:
    """Work is counted in frames of the film. The share never falls, and it is 1 only at the end. Thread-safe."""

    def __init__(
        self,
        report: Callable[[float], None],
        is_cancelled: Callable[[], bool],
        after: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._report, self._is_cancelled, self._after = report, is_cancelled, after
        self._total = self._done = self._reported = 0.0
        self._looked_s = float("-inf")
        self._is_stopped = False
        self._lock = threading.RLock()

    def plan(self, frames: float) -> None:
        """Add work that is to come."""
        with self._lock:
            self._total += frames

    def stop(self) -> None:
        """Let the next `advance` of each thread raise CancelledError, after another thread has failed."""
        self._is_stopped = True

    def advance(self, frames: float = 0.0) -> None:
        """Count finished work. Raises CancelledError."""
        with self._lock:
            self._done += frames
            now_s = time.monotonic()
            if now_s - self._looked_s < INTERVAL_S and not self._is_stopped:
                return
            self._looked_s = now_s
            self.check()
            self._tell(min(0.999, self._done / self._total) if self._total else 0.0)

    def check(self) -> None:
        """Raise CancelledError if the work is cancelled. `advance` asks only now and then."""
        if self._is_stopped or self._is_cancelled():
            raise CancelledError("The assembly was cancelled. Its finished parts are kept for the next one")

    def end_step(self, name: str) -> None:
        """Say that a step is done, after which a run that is killed does not begin at its start."""
        self._after(name)

    def finish(self) -> None:
        self._tell(1.0)

    def _tell(self, share: float) -> None:
        if share > self._reported:
            self._reported = share
            self._report(share)
