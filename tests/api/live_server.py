"""A service as a server of its own on a free port of loopback, and what it says of itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI

from tests.conftest import free_port


@dataclass(frozen=True)
class Served:
    """`headers` show a key."""

    url: str
    headers: dict[str, str]


@contextmanager
def served(app: FastAPI, token: str) -> Iterator[Served]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {token}"})
    finally:
        server.should_exit = True
        thread.join()


def without_keys(document: dict[str, Any]) -> dict[str, Any]:
    """The key is always sent: a request made wrong by leaving it out would not be. test_keys.py asks without."""
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("security", None)
    document.pop("security")
    document["components"].pop("securitySchemes")
    return document
