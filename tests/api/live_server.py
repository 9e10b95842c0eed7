"""A service that listens on a free port of loopback, and its OpenAPI document without keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from api.http.connections import BoundedConnection
from tests.conftest import find_free_port


@dataclass(frozen=True)
class LiveServer:
    """A running service. `headers` contain a key."""

    url: str
    headers: dict[str, str]
    server: uvicorn.Server

    @property
    def request_count(self) -> int:
        """How many requests it has answered."""
        return self.server.server_state.total_requests


@contextmanager
def serve_live(
    app: FastAPI, token: str, *, connection: type[BoundedConnection] = BoundedConnection
) -> Iterator[LiveServer]:
    port = find_free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, http=connection, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.05)
        yield LiveServer(f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {token}"}, server)
    finally:
        server.should_exit = True
        thread.join()


def without_security(document: dict[str, Any]) -> dict[str, Any]:
    """Remove the keys from the document, so that no request is generated without one. test_keys.py tests that case."""
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    document.pop("security")
    document["components"].pop("securitySchemes")
    return document
