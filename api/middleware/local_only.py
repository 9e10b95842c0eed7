"""Without API keys, Tower answers only this machine, and makes no change for a foreign web page."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import error_response
from tower.errors import ForbiddenError

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HOST_PATTERN = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|([^:/@\[\]]*))(?::\d*)?"
)  # a name or an address, with an optional port


class LocalOnly:
    """403 for another machine, for a foreign host name, and for a change requested by a foreign page.

    A web page can make a browser on this machine send requests here: with a form or a script, which the Origin header
    reveals, or by pointing its own host name at our address (DNS rebinding), which the Host header reveals.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self.app = app
        self._origins = origins
        self._hosts = {_host_name(_host_of(origin)) for origin in origins}

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
        if not self._is_own_name(host):
            return f"{host} is not a name of this Tower: use http://localhost, or list the name in TOWER_CORS_ORIGINS"
        changes = scope.get("method") not in SAFE_METHODS  # a websocket has no method and may change things
        if changes and origin is not None and origin not in self._origins and _host_of(origin) != host:
            return f"Pages of {origin} may not change anything: list the origin in TOWER_CORS_ORIGINS to allow it"
        return None

    def _is_own_name(self, host: str) -> bool:
        """A name without a dot is local: no one can register one on the web."""
        name = _host_name(host)
        if name is None:
            return False
        return "." not in name or name in self._hosts or name.endswith(".localhost") or _is_address(name)


def _host_of(origin: str) -> str:
    return origin.partition("://")[2]


def _host_name(host: str) -> str | None:
    """The host without its port, or None if it is not valid."""
    match = HOST_PATTERN.fullmatch(host)
    return (match[1] or match[2]).lower() if match else None


def _is_local(scope: Scope) -> bool:
    """Whether the client is on this machine, behind a proxy too. A unix socket has no address and is local."""
    host = scope["client"][0] if scope.get("client") else ""
    return not _is_address(host) or ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
