"""Runs an endpoint in one thread. A switch between threads would let other requests run in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from sqlalchemy.orm import Session

from db.engine import ReadSession

Endpoint = Callable[..., Any]

MAX_READERS = 2  # more at once would only compete for Python's global lock, and early requests could be answered last
_readers: RunVar[CapacityLimiter] = RunVar("readers")


def run_in_one_thread(endpoint: Endpoint) -> Endpoint:
    """Wrap the endpoint in a coroutine, so that FastAPI does not serialise its answer in a second thread.

    Transactions of its sessions are committed in the same thread: see `api.http.dependencies`. Endpoints that only read
    share a few threads; those that may wait for a lock, a file or a server start without queueing.
    """
    if iscoroutinefunction(endpoint) or isgeneratorfunction(endpoint) or isasyncgenfunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        reads = any(isinstance(value, ReadSession) for value in values.values())
        return await to_thread.run_sync(
            _call_and_commit, endpoint, values, limiter=_reader_limiter() if reads else None
        )

    return run


def _reader_limiter() -> CapacityLimiter:
    """The limiter of the running event loop."""
    try:
        return _readers.get()
    except LookupError:
        _readers.set(CapacityLimiter(MAX_READERS))
        return _readers.get()


def _call_and_commit(endpoint: Endpoint, values: dict[str, Any]) -> Any:
    sessions = [value for value in values.values() if isinstance(value, Session)]
    answer = endpoint(**values)
    for session in sessions:
        if session.in_transaction():
            session.commit()
    return answer
