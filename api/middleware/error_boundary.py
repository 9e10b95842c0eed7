"""Unexpected exceptions become a 500 in the error envelope, with the headers of every other answer."""

from __future__ import annotations

import logging
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import REQUEST_ID, error_response
from tower.errors import TowerError

log = logging.getLogger(__name__)


class ErrorBoundary:
    """Answers an unexpected exception with a 500 that names the request id to look for in the log.

    Starlette's own error middleware runs outside the CORS middleware, so browsers could not read its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except Exception:
            log.exception("Unexpected error in %s %s", scope["method"], quote(scope["path"]))
            if started:
                raise  # a part was sent already, so only a broken connection can signal the failure
            internal = TowerError(f"Something broke inside Tower: look for {scope[REQUEST_ID]} in its log")
            await error_response(scope, internal)(scope, receive, send)
