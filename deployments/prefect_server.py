"""Runs the Prefect server behind a check of the names by which browsers call it.

    python -m deployments.prefect_server 127.0.0.1 4200 http://127.0.0.1:4200

`prefect server start` runs the same app, but has no place for such a check. Prefect itself asks for its secret.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tower.web_names import host_name, host_of, is_foreign_origin, is_local_name, is_loopback

START_BANNER = "Check out the dashboard at"  # `tower doctor` looks for errors after the last one


class NameCheck:
    """403 for a foreign host name and for the pages of a foreign origin, on every route and websocket.

    A server that other machines reach (`checks_host` is false) may be called by any name.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str], checks_host: bool) -> None:
        self.app = app
        self._origins = origins
        self._hosts = {name for origin in origins if (name := host_name(host_of(origin)))}
        self._checks_host = checks_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = None if scope["type"] == "lifespan" else self._refusal_reason(scope)
        if reason:
            await JSONResponse({"detail": reason}, status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal_reason(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._checks_host and not is_local_name(host, also=self._hosts):
            return "This is not a name of this server: use http://localhost."
        if is_foreign_origin(headers.get("origin"), host=host, own=self._origins):
            return "Pages of other servers may not use this one."
        return None


def main() -> None:
    host, port, ui_url = sys.argv[1:]
    settings = get_current_settings().server
    sys.stdout.write(f"{START_BANNER} {ui_url}\n")
    sys.stdout.flush()
    uvicorn.run(
        NameCheck(create_app(final=True), origins=[ui_url], checks_host=is_loopback(host)),
        host=host,
        port=int(port),
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
        log_level=settings.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
