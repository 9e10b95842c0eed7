"""Where keys are off: only this machine is answered, and not on behalf of a page that a stranger wrote."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import error_response
from tower.errors import ForbiddenError

HARMLESS = {"GET", "HEAD", "OPTIONS"}
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:/@\[\]]*))(?::\d*)?")  # a name or an address, and perhaps a port


class LocalOnly:
    """403 for a peer elsewhere, for a foreign name of this machine, and for a change that a foreign page asks for.

    A page on the web can make the browser of someone at this machine send requests here: by a form or a script
    (its Origin tells), or by giving its own host name our address (DNS rebinding; the Host header tells).
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self.app = app
        self._origins = origins
        self._hosts = {_name(_host_of(origin)) for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wrong = None if scope["type"] == "lifespan" else self._wrong(scope)
        if wrong:
            await error_response(scope, ForbiddenError(wrong))(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _wrong(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _is_local(scope):
            return "Without API keys only this machine is answered: make a key and set TOWER_REQUIRE_KEYS=1"
        if not self._is_ours(host):
            return f"This Tower is not called {host}: ask http://localhost, or list the name in TOWER_CORS_ORIGINS"
        changes = scope.get("method") not in HARMLESS  # a websocket has no method, and can do anything
        if changes and origin is not None and origin not in self._origins and _host_of(origin) != host:
            return f"Pages of {origin} may not ask for this: list it in TOWER_CORS_ORIGINS if they shall"
        return None

    def _is_ours(self, host: str) -> bool:
        """A foreign name has a dot: nobody on the web owns one without."""
        name = _name(host)
        if name is None:
            return False
        return "." not in name or name in self._hosts or name.endswith(".localhost") or _is_address(name)


def _host_of(origin: str) -> str:
    return origin.partition("://")[2]


def _name(host: str) -> str | None:
    """Without the port; null if it is no host at all."""
    form = HOST.fullmatch(host)
    return (form[1] or form[2]).lower() if form else None


def _is_local(scope: Scope) -> bool:
    """Through a proxy, of its client. A unix socket has no address."""
    host = scope["client"][0] if scope.get("client") else ""
    return not _is_address(host) or ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
