"""HTTP clients that run concurrently and send one request after another as fast as the service answers."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

CLIENT_COUNT = 8
REQUESTS_PER_CONNECTION = 25  # a connection stays with the process that accepted it


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True)
class LoadResult:
    """The duration of each request in milliseconds, and of all together in seconds."""

    ms: Sequence[float]
    wall_s: float

    @property
    def per_second(self) -> float:
        return len(self.ms) / self.wall_s


def run_load(port: int, requests: Callable[[int], Request], *, seconds: float, warm_up: int = 20) -> LoadResult:
    """Measure requests; `requests` builds the nth one. Raises RuntimeError for an answer that is not 2xx."""
    numbers = iter(range(10**9))
    taking, ms, wrong = threading.Lock(), list[float](), list[str]()
    gate = threading.Barrier(CLIENT_COUNT + 1)
    ending = [0.0]

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            for _ in range(warm_up):
                _send(connection, _next(numbers, taking, requests))
            gate.wait()
            gate.wait()
            own = _times_until(ending[0], connection, lambda: _next(numbers, taking, requests))
            with taking:
                ms.extend(own)
        except (RuntimeError, OSError) as error:
            wrong.append(str(error))
            gate.abort()
        except threading.BrokenBarrierError:
            return
        finally:
            connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENT_COUNT)]
    for thread in threads:
        thread.start()
    try:
        gate.wait()
        ending[0] = time.perf_counter() + seconds
        began = time.perf_counter()
        gate.wait()
    except threading.BrokenBarrierError:
        began = 0.0
    for thread in threads:
        thread.join()
    if wrong:
        raise RuntimeError(wrong[0])
    return LoadResult(ms, time.perf_counter() - began)


def send_once(port: int, request: Request) -> Any:
    """Send one request and return the JSON of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        return json.loads(_send(connection, request))
    finally:
        connection.close()


def _times_until(ending: float, connection: http.client.HTTPConnection, asks: Callable[[], Request]) -> list[float]:
    ms: list[float] = []
    while time.perf_counter() < ending:
        request = asks()
        began = time.perf_counter()
        _send(connection, request)
        ms.append((time.perf_counter() - began) * 1000)
        if len(ms) % REQUESTS_PER_CONNECTION == 0:
            connection.close()  # the next request opens it again
    return ms


def _next(numbers: Any, taking: threading.Lock, asks: Callable[[int], Request]) -> Request:
    with taking:
        number = next(numbers)
    return asks(number)


def _send(connection: http.client.HTTPConnection, request: Request) -> bytes:
    body = None if request.body is None else json.dumps(request.body)
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(request.method, request.path, body=body, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{request.method} {request.path}: {answer.status} {content[:300]!r}")
    return content
