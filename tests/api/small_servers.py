"""Small real HTTP servers that stand in for Prefect and ComfyUI."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Responder = Callable[[str, str, Any], tuple[int, Any]]  # method, path, body -> status, JSON


@contextmanager
def serve(answer: Responder, *, ahead_s: float = 0.0) -> Iterator[str]:
    """Run a server on a free port of loopback; yields its URL. Its clock is ahead by `ahead_s`."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            status, document = answer(self.command, self.path, body)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = reply  # noqa: N815 - the names that http.server calls

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(timestamp or time.time() + ahead_s)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def reserve_refusing_address() -> Iterator[str]:
    """An address where nothing listens; the port is reserved meanwhile."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def serve_silence() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class FakePrefect:
    """The part of Prefect's REST API that the production service uses. Runs are created and stay scheduled.

    `heartbeat`: of its workers.
    """

    def __init__(self) -> None:
        self.heartbeat = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        self.runs: dict[str, dict[str, Any]] = {}

    def __call__(self, _: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/api/admin/version":
            return 200, "3.8.8"
        if pool := re.fullmatch(r"/api/work_pools/(\w+)/workers/filter", path):
            worker = {"name": f"{pool[1]}-1", "status": "ONLINE", "last_heartbeat_time": self.heartbeat}
            return 200, [worker]
        if pool := re.fullmatch(r"/api/work_pools/(\w+)(/queues/filter)?", path):
            row = {"name": pool[1], "is_paused": False, "concurrency_limit": None}
            return 200, [row | {"name": "default"}] if pool[2] else row
        return self._of_runs(path, body)

    def _of_runs(self, path: str, body: Any) -> tuple[int, Any]:
        if path.startswith("/api/deployments/name/"):
            return 200, {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, path))}
        if path.endswith("/create_flow_run"):
            return 201, self._run(body)
        if path == "/api/flow_runs/filter":
            run_ids = set(body["flow_runs"]["id"]["any_"])
            return 200, [run for run in self.runs.values() if run["id"] in run_ids]
        return 404, {"detail": "Not Found"}

    def _run(self, body: dict[str, Any]) -> dict[str, Any]:
        state = {"type": "SCHEDULED", "name": "Scheduled", "message": None}
        fresh = {"id": str(uuid.uuid4()), "state": state, "parameters": body["parameters"], "work_queue_id": "1"}
        return self.runs.setdefault(body["idempotency_key"], fresh)
