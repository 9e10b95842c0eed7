"""A real receiver of webhooks, and the check of its calls that docs/webhooks.md gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "webhooks.md"
SignatureCheck = Callable[[str, dict[str, str], bytes], bool]


@dataclass(frozen=True)
class ReceivedCall:
    path: str
    headers: dict[str, str]
    body: str

    def is_signed_by(self, secret: str) -> bool:
        """Whether a receiver with the documented check accepts the call."""
        return documented_check()(secret, self.headers, self.body.encode())


def documented_check() -> SignatureCheck:
    """The function `is_from_tower` of the page."""
    code = PAGE.read_text().split("    import base64")[1].split("\n\nAnswer with")[0]
    names: dict[str, Any] = {}
    exec(dedent(f"    import base64{code}"), names)
    check: SignatureCheck = names["is_from_tower"]
    return check


@dataclass
class Receiver:
    """Answers each call with the next of `statuses`, or 204. `delay_s`: before the answer."""

    calls: list[ReceivedCall] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    delay_s: float = 0.0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_for(self, count: int, *, within_s: float = 20.0) -> list[ReceivedCall]:
        end = time.monotonic() + within_s
        while len(self.calls) < count:
            assert time.monotonic() < end, f"{len(self.calls)} of {count} calls came"
            time.sleep(0.02)
        return self.calls


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            names = {name.lower(): value for name, value in self.headers.items()}
            received.calls.append(ReceivedCall(self.path, names, sent.decode()))
            time.sleep(received.delay_s)
            status = received.statuses.pop(0) if received.statuses else 204
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{received.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield received
        server.shutdown()
        thread.join()
