"""Without API keys, Tower answers only this machine, and makes no change for a foreign web page."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import error_response
from tower.errors import ForbiddenError
from tower.web_names import host_name, host_of, is_address, is_foreign_origin, is_local_name

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class LocalOnly:
    """403 for another machine, for a foreign host name, and for a change requested by a foreign page.

    A web page can make a browser on this machine send requests here: with a form or a script, which the Origin header
    reveals, or by pointing its own host name at our address (DNS rebinding), which the Host header reveals.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self.app = app
        self._origins = origins
        self._hosts = {name for origin in origins if (name := host_name(host_of(origin)))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = None if scope["type"] == "lifespan" else self._refusal_reason(scope)
        if reason:
            await error_response(scope, ForbiddenError(reason))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refusal_reason(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _is_local(scope):
            return "Without API keys Tower answers only this machine: make a key and set TOWER_REQUIRE_KEYS=1"
        if not is_local_name(host, also=self._hosts):
            return f"{host} is not a name of this Tower: use http://localhost, or list the name in TOWER_CORS_ORIGINS"
        changes = scope.get("method") not in SAFE_METHODS  # a websocket has no method and may change things
        if changes and is_foreign_origin(origin, host=host, own=self._origins):
            return f"Pages of {origin} may not change anything: list the origin in TOWER_CORS_ORIGINS to allow it"
        return None


def _is_local(scope: Scope) -> bool:
    """Whether the client is on this machine, behind a proxy too. A unix socket has no address and is local."""
    host = scope["client"][0] if scope.get("client") else ""
    return not is_address(host) or ip_address(host).is_loopback
