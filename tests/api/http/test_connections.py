"""A connection that sends no proper request in time is answered in the envelope and closed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.app import create_app
from api.http.connections import BoundedConnection
from api.http.strict_routes import strict_router
from tests.api.live_server import serve_live
from tests.patient import PATIENCE_S
from tower.settings import Settings

router = strict_router(prefix="/api", tags=["words"])
HEAD = b"POST /api/words HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@router.post("/words")
def count_words(words: list[str]) -> int:
    return len(words)


class QuickConnection(BoundedConnection):
    MAX_CONNECTIONS = 20
    HEAD_S = 0.3
    BODY_GRACE_S = 0.3


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    app = create_app(title="words", settings=Settings(), routers=[router])
    with serve_live(app, "", connection=QuickConnection) as live:
        parts = urlsplit(live.url)
        assert parts.hostname
        assert parts.port
        yield parts.hostname, parts.port


def exchange(address: tuple[str, int], *pieces: bytes, pause_s: float = 0) -> tuple[int, Any]:
    """Send the pieces and read the answer until the server closes the connection."""
    with socket.create_connection(address, timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause_s)
        received = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    answer = json.loads(body)
    return int(head.split()[1]), answer["error"] if isinstance(answer, dict) else answer


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /api/words HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /api/words HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "BAD_REQUEST"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "BAD_REQUEST"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431, "HEAD_TOO_LARGE"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 100_000, 431, "HEAD_TOO_LARGE"),
    ],
    ids=["no HTTP", "no Host", "two Hosts", "bad chunk", "long address", "long header"],
)
def test_what_is_no_request_is_answered_in_the_envelope(
    address: tuple[str, int], sent: bytes, status: int, code: str
) -> None:
    answered, error = exchange(address, sent)
    assert (answered, error["code"]) == (status, code)
    assert error["message"]
    assert error["request_id"].startswith("req_")


def test_empty_lines_after_a_request_do_not_keep_the_connection(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(HEAD + b'Content-Length: 5\r\n\r\n["a"]')
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        client.sendall(b"\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent", [b"", b"GET /api/wo", HEAD, HEAD + b"Content-Length: 20\r\n\r\n", HEAD + b'Content-Length: 20\r\n\r\n["a"']
)
def test_a_half_sent_request_times_out(address: tuple[str, int], sent: bytes) -> None:
    status, error = exchange(address, sent)
    assert (status, error["code"]) == (408, "REQUEST_TIMEOUT")


def test_a_head_that_trickles_times_out(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        started = time.monotonic()
        client.settimeout(0.05)
        while not (answer := _poll(client)):
            assert time.monotonic() - started < 5
            client.sendall(b"X")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_slow_request_that_arrives_in_time_is_answered(address: tuple[str, int]) -> None:
    body = json.dumps(["word"] * 1000).encode()
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    pieces = [head, *(body[at : at + 1000] for at in range(0, len(body), 1000))]
    assert exchange(address, *pieces, pause_s=0.1) == (200, 1000)


def test_a_connection_takes_one_request_after_another(address: tuple[str, int]) -> None:
    with httpx.Client(base_url=f"http://{address[0]}:{address[1]}", timeout=PATIENCE_S) as client:
        for pause_s in (0, 0.5, 0.5):  # longer than a half-sent request may take
            time.sleep(pause_s)
            assert client.post("/api/words", json=["a", "b"]).json() == 2


def test_one_connection_too_many_is_refused_and_the_others_are_served(address: tuple[str, int]) -> None:
    opened = [socket.create_connection(address, timeout=10) for _ in range(QuickConnection.MAX_CONNECTIONS)]
    try:
        status, error = exchange(address)
        assert (status, error["code"]) == (503, "TOO_MANY_CONNECTIONS")
        opened[0].sendall(HEAD + b"Content-Length: 5\r\n\r\n" + b'["a"]')
        assert opened[0].recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        for client in opened:
            client.close()


def _poll(client: socket.socket) -> bytes:
    try:
        return client.recv(1000)
    except TimeoutError:
        return b""
