"""An endpoint does all its waiting in one thread: between two, the event loop and other requests would run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any

from anyio import to_thread
from sqlalchemy.orm import Session

Endpoint = Callable[..., Any]


def in_one_thread(endpoint: Endpoint) -> Endpoint:
    """The endpoint as a coroutine, which FastAPI does not send to a second thread to look at its answer.

    What it read in the sessions that it was handed is ended with a commit there too: see `api.collaborators`.
    """
    if iscoroutinefunction(endpoint) or isgeneratorfunction(endpoint) or isasyncgenfunction(endpoint):
        return endpoint

    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        return await to_thread.run_sync(_answered, endpoint, values)

    return run


def _answered(endpoint: Endpoint, values: dict[str, Any]) -> Any:
    sessions = [value for value in values.values() if isinstance(value, Session)]
    answer = endpoint(**values)
    for session in sessions:
        if session.in_transaction():
            session.commit()
    return answer
