"""Handles requests before the endpoints."""

from __future__ import annotations

import asyncio
import threading
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.comfyui.answers import proxy_answer, server_error
from tests.fakes.comfyui.misbehaviour import Hangs, PasswordRequired, ProxyAnswer, ServerError
from tests.fakes.comfyui.setup import FakeSetup

POLL_S = 0.05


class RequestGate:
    """Records requests, rejects foreign origins, and applies PasswordRequired, ProxyAnswer, ServerError and Hangs."""

    def __init__(self, app: ASGIApp, setup: FakeSetup, dying: threading.Event) -> None:
        self._app, self._setup, self._dying = app, setup, dying

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_locked(scope):
            await proxy_answer(401, "html")(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, misbehaviours = scope["path"], self._setup.misbehaviours
        self._setup.requests.append((scope["method"], path))
        if _foreign(Headers(scope=scope)):
            await Response(status_code=403)(scope, receive, send)
        elif proxy := misbehaviours.take(ProxyAnswer, lambda proxy: path.startswith(proxy.path)):
            await proxy_answer(proxy.status, proxy.form)(scope, receive, send)
        elif error := misbehaviours.take(ServerError, lambda error: path in (error.path, f"/api{error.path}")):
            await server_error(error.status)(scope, receive, send)
        elif misbehaviours.take(Hangs, lambda hangs: path in (hangs.path, f"/api{hangs.path}")):
            while not self._dying.is_set():
                await asyncio.sleep(POLL_S)
        else:
            await self._app(scope, receive, send)

    def _is_locked(self, scope: Scope) -> bool:
        authorization, query = Headers(scope=scope).get("authorization"), scope["query_string"].decode()
        misbehaviours = self._setup.misbehaviours
        return misbehaviours.take(PasswordRequired, lambda lock: not lock.allows(authorization, query)) is not None


def _foreign(headers: Headers) -> bool:
    """Whether the Origin is another host; on loopback the port counts too."""
    if headers.get("sec-fetch-site") == "cross-site":
        return True
    host, origin = headers.get("host", ""), urlsplit(headers.get("origin", "")).netloc
    return bool(host and origin) and host.lower() != origin.lower()
