"""Adds security headers to every answer, unless the endpoint has set them itself."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-site",  # the dashboard shows media from the services on other ports
}
JSON_HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message))
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _add(headers: MutableHeaders) -> None:
    json = headers.get("content-type", "").startswith("application/json")
    for name, value in {**SECURITY_HEADERS, **(JSON_HEADERS if json else {})}.items():
        headers.setdefault(name, value)
