"""Keeps the answers of servers that may be slow or silent, so that no caller waits long for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
MAX_AGE_S = 60.0  # of the last answer, for a caller that does not wait


@dataclass
class _Entry(Generic[Answer]):
    """The last answer to a question, and the pending one."""

    answer: Answer | None = None
    asked_at: float = 0.0
    pending: Future[Answer] | None = None


class AnswerCache(Generic[Answer]):
    """Asks in threads of its own, each question once at a time.

    `fresh_s`: how long an answer counts as fresh. `wait_s`: how long a caller waits for a fresh one.
    """

    def __init__(self, *, fresh_s: float, wait_s: float, threads: int = 4) -> None:
        self._fresh_s, self._wait_s = fresh_s, wait_s
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="answers")
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry[Answer]] = {}

    def get(self, key: Hashable, ask: Callable[[], Answer], *, waits: bool = True) -> Answer | None:
        """A fresh answer; None if there is none in time. `ask` returns an answer for a server that fails, too.

        A caller that does not wait gets the last answer, if there is one, and a newer one is fetched meanwhile.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            age_s = time.monotonic() - entry.asked_at
            if entry.answer is not None and age_s < self._fresh_s:
                return entry.answer
            if entry.pending is None:
                entry.pending = self._threads.submit(self._ask, entry, ask)
            pending = entry.pending
            if not waits:
                return entry.answer if age_s < MAX_AGE_S else None
        wait([pending], timeout=self._wait_s)
        return pending.result() if pending.done() else None

    def close(self) -> None:
        """Take no more questions. Pending ones end by their own timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, entry: _Entry[Answer], ask: Callable[[], Answer]) -> Answer:
        asked_at = time.monotonic()
        try:
            answer = ask()
        finally:
            with self._lock:
                entry.pending = None
        with self._lock:
            entry.answer, entry.asked_at = answer, asked_at
        return answer
