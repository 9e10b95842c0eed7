"""Which requests queue for a thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
from sqlalchemy.orm import Session

from api.http.threads import MAX_READERS, run_in_one_thread
from db.engine import ReadSession


def count_simultaneous_calls(session: Session, *, requests: int) -> int:
    """The largest number of simultaneous calls among `requests` short requests."""
    lock, running, largest = threading.Lock(), [0], [0]

    @run_in_one_thread
    def endpoint(session: Session) -> None:
        with lock:
            running[0] += 1
            largest[0] = max(largest[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1

    async def together() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(requests):
                group.start_soon(lambda: run(endpoint, session=session))

    anyio.run(together)
    return largest[0]


async def run(endpoint: Any, **values: Any) -> None:
    await endpoint(**values)


def test_read_only_requests_queue_for_a_thread() -> None:
    assert count_simultaneous_calls(ReadSession(), requests=6) == MAX_READERS


def test_requests_that_may_block_do_not_queue() -> None:
    assert count_simultaneous_calls(Session(), requests=6) > MAX_READERS


def test_read_only_requests_queue_in_each_event_loop() -> None:
    assert [count_simultaneous_calls(ReadSession(), requests=4) for _ in range(2)] == [MAX_READERS, MAX_READERS]
