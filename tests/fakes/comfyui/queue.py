"""Pending and running prompts, and the history of finished ones."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_HISTORY = 10_000
Graph = dict[str, Any]


@dataclass(frozen=True)
class QueuedPrompt:
    number: float
    prompt_id: str
    graph: Graph
    extra_data: dict[str, Any]
    outputs: list[str]

    def row(self) -> list[Any]:
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class PromptQueue:
    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Condition(threading.RLock())
        self._order = itertools.count()
        self._pending: list[tuple[float, str, int, QueuedPrompt]] = []
        self._running: QueuedPrompt | None = None
        self._history: dict[str, dict[str, Any]] = {}
        self.interrupted = threading.Event()

    def put(self, item: QueuedPrompt) -> None:
        with self._lock:
            heapq.heappush(self._pending, (item.number, item.prompt_id, next(self._order), item))
            self._changed()
            self._lock.notify_all()

    def get(self, timeout_s: float) -> QueuedPrompt | None:
        """Take the next prompt and mark it running; None if none arrives in time."""
        with self._lock:
            if not self._pending:
                self._lock.wait(timeout_s)
            if not self._pending:
                return None
            self._running = heapq.heappop(self._pending)[3]
            self.interrupted.clear()
            self._changed()
            return self._running

    def wake(self) -> None:
        """Make a waiting `get` return None."""
        with self._lock:
            self._lock.notify_all()

    def finish(self, item: QueuedPrompt, entry: dict[str, Any]) -> None:
        """Record the end of the running prompt. A second prompt with the same id replaces the history of the first."""
        with self._lock:
            self._running = None
            if len(self._history) > MAX_HISTORY:
                self._history.pop(next(iter(self._history)))
            self._history[item.prompt_id] = {"prompt": item.row(), **entry}
            self._changed()

    def interrupt(self, prompt_id: str | None) -> bool:
        """Interrupt that prompt if it runs, or any prompt with None. Returns whether one was interrupted."""
        with self._lock:
            runs = self._running is not None and prompt_id in (None, self._running.prompt_id)
            if runs:
                self.interrupted.set()
            return runs

    def delete(self, prompt_id: str) -> bool:
        """Drop the first pending prompt with that id."""
        with self._lock:
            for index, waiting in enumerate(self._pending):
                if waiting[1] == prompt_id:
                    del self._pending[index]
                    heapq.heapify(self._pending)
                    self._changed()
                    return True
            return False

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()
            self._changed()

    def running(self) -> list[QueuedPrompt]:
        with self._lock:
            return [self._running] if self._running else []

    def pending(self) -> list[QueuedPrompt]:
        """In heap order, which is not the order of running."""
        with self._lock:
            return [waiting[3] for waiting in self._pending]

    def remaining(self) -> int:
        with self._lock:
            return len(self._pending) + (self._running is not None)

    def entry(self, prompt_id: str) -> dict[str, Any]:
        """`{}` for an id that is unknown, pending or running."""
        with self._lock:
            return {prompt_id: self._history[prompt_id]} if prompt_id in self._history else {}

    def entries(self, limit: int | None = None, offset: int = -1) -> dict[str, Any]:
        """The newest `limit`; with an offset, those from there on."""
        with self._lock:
            ids = list(self._history)
        first = max(0, len(ids) - limit) if offset < 0 and limit is not None else max(0, offset)
        selected = ids[first:] if limit is None else ids[first : first + limit]
        return {prompt_id: self._history[prompt_id] for prompt_id in selected}

    def forget(self, prompt_id: str | None = None) -> None:
        """Drop one entry of the history, or all."""
        with self._lock:
            if prompt_id is None:
                self._history.clear()
            else:
                self._history.pop(prompt_id, None)
