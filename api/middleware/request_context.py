"""Gives each request an id, in the answer and in the logs, and writes one access record."""

from __future__ import annotations

import logging
import re
import time
import uuid
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import REQUEST_ID
from tower.logs import bind_context

REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._:-]{1,128}")

access_log = logging.getLogger("tower.access")


class RequestContext:
    """The outermost middleware. Keeps a valid X-Request-ID of the client, or makes an id `req_…`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope[REQUEST_ID] = request_id
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        answer = _AnsweringSend(send, request_id)
        started = time.perf_counter()
        with bind_context(request_id=request_id):
            try:
                await self.app(scope, receive, answer)
            finally:
                _log_access(scope, answer.status, (time.perf_counter() - started) * 1000)


class _AnsweringSend:
    """A `send` that adds the request id to the answer and keeps its status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.send = send
        self.request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = self.request_id
        await self.send(message)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID_PATTERN.fullmatch(given) else f"req_{uuid.uuid4().hex[:16]}"


def _log_access(scope: Scope, status: int | None, ms: float) -> None:
    method, path = scope["method"], quote(scope["path"])
    fields = {"method": method, "path": path, "status": status, "ms": round(ms, 1)}
    access_log.info("%s %s %s", method, path, status or "no answer", extra=fields)
