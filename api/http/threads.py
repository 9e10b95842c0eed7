"""An endpoint does all its waiting in one thread: between two, the event loop and other requests would run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from sqlalchemy.orm import Session

from db.engine import Reading

Endpoint = Callable[..., Any]

READERS = 2  # at once in a process: more would take turns at Python's lock, and who came first might be answered last
_readers: RunVar[CapacityLimiter] = RunVar("readers")


def in_one_thread(endpoint: Endpoint) -> Endpoint:
    """The endpoint as a coroutine, which FastAPI does not send to a second thread to look at its answer.

    What it read in the sessions that it was handed is ended with a commit there too: see `api.http.dependencies`. Those
    that only read wait in line for a thread; what may wait for others (a branch, a file, a server) takes one at once.
    """
    if iscoroutinefunction(endpoint) or isgeneratorfunction(endpoint) or isasyncgenfunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        reads = any(isinstance(value, Reading) for value in values.values())
        return await to_thread.run_sync(_answered, endpoint, values, limiter=_limiter() if reads else None)

    return run


def _limiter() -> CapacityLimiter:
    """Of this event loop."""
    try:
        return _readers.get()
    except LookupError:
        _readers.set(CapacityLimiter(READERS))
        return _readers.get()


def _answered(endpoint: Endpoint, values: dict[str, Any]) -> Any:
    sessions = [value for value in values.values() if isinstance(value, Session)]
    answer = endpoint(**values)
    for session in sessions:
        if session.in_transaction():
            session.commit()
    return answer
