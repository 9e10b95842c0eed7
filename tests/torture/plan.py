"""Which case is next: the process and moment with the fewest kills so far."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

from tests.torture.case import Result
from tests.torture.victims import VICTIMS, list_moments

Cell = tuple[str, str]  # a victim and a moment


class Plan:
    """Shared by the stacks that are tortured side by side. Thread-safe."""

    def __init__(self, *, times: int, limit_s: float, only: str = "", seed: int = 1) -> None:
        cells = [(victim, moment) for victim in VICTIMS for moment in list_moments(victim)]
        self.cells = [cell for cell in cells if only in f"{cell[0]} at {cell[1]}"]
        self.results: list[Result] = []
        self._times = times
        self._deadline = time.monotonic() + limit_s
        self._order = random.Random(seed)
        self._tries: Counter[Cell] = Counter()
        self._lock = threading.Lock()

    def choose_next(self) -> Cell | None:
        """The next case; None if every cell has its kills or its tries, or time is over."""
        with self._lock:
            kills = Counter((result.victim, result.moment) for result in self.results)
            open_cells = [cell for cell in self.cells if kills[cell] < self._times and self._tries[cell] < self._times]
            if not open_cells or time.monotonic() > self._deadline:
                return None
            fewest = min(kills[cell] + self._tries[cell] for cell in open_cells)
            chosen = self._order.choice([cell for cell in open_cells if kills[cell] + self._tries[cell] == fewest])
            self._tries[chosen] += 1
            return chosen

    def add(self, results: list[Result]) -> None:
        with self._lock:
            self.results += results
