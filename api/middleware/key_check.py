"""Who asks: every request shows an API key, `Authorization: Bearer tower_…`, that allows it.

GET, HEAD and OPTIONS need the scope read, all else write. A router says what differs, and OpenAPI shows it:

    @router.get("/health", openapi_extra=OPEN)          # no key
    @router.post("/queue/pause", dependencies=[ADMIN])  # the scope admin; or strict_router(dependencies=[ADMIN])
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import database_silent, error_response
from api.http.collaborators import Collaborators, collaborators_of
from db.models.keys import Scope as KeyScope
from tower import api_keys
from tower.api_keys import Caller
from tower.errors import ForbiddenError, UnauthorizedError

CALLER = "tower.caller"  # key of the ASGI scope; absent where keys are off
REMEMBERED_S = 2.0  # a good key is not looked up again for so long: the longest that a revoked one still works
READING = {"GET", "HEAD", "OPTIONS"}
OPEN: dict[str, Any] = {"security": []}


class ScopeMissingError(ForbiddenError):
    """The key is good, and does not allow this."""

    def __init__(self, caller: Caller, wanted: KeyScope) -> None:
        scopes = {"scope": wanted, "scopes": caller.scopes}
        super().__init__(f"The API key {caller.name} lacks the scope {wanted}", details=scopes)
        self.wanted = wanted


class _RequireAdmin(SecurityBase):
    model = HTTPBearer(description="An API key, made by `tower key create`; on loopback none is asked for by default.")
    scheme_name = "key"

    async def __call__(self, request: Request) -> None:
        caller: Caller | None = request.scope.get(CALLER)
        if caller is not None and not caller.may(KeyScope.ADMIN):
            raise ScopeMissingError(caller, KeyScope.ADMIN)


ADMIN: Any = Security(_RequireAdmin(), scopes=[KeyScope.ADMIN.value])


class KnownKeys:
    """Keys that were good a moment ago, by their hash: most requests need no look into the database."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, Caller]] = {}

    def caller(self, scope: Scope) -> Caller | None:
        """Whose key the request shows, if that is known without asking."""
        until, caller = self._until.get(api_keys.digest(shown(scope)), (0.0, None))
        return caller if time.monotonic() < until else None

    def remember(self, token: str, caller: Caller) -> None:
        self._until[api_keys.digest(token)] = (time.monotonic() + REMEMBERED_S, caller)


class KeyCheck:
    """Lets nothing past without a key that allows it, but for the paths that are open."""

    def __init__(self, app: ASGIApp, *, known: KnownKeys, open_paths: Collection[str]) -> None:
        self.app = app
        self._known = known
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._open:
            await self.app(scope, receive, send)
            return
        try:
            scope[CALLER] = await self._allowed(scope)
        except (UnauthorizedError, ScopeMissingError) as refusal:
            await _challenge(scope, refusal)(scope, receive, send)
            return
        except (OperationalError, PoolTimeoutError) as silent:
            await database_silent(scope, silent)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _allowed(self, scope: Scope) -> Caller:
        caller = self._known.caller(scope)
        if caller is None:
            caller = await to_thread.run_sync(self._look_up, scope)
        wanted = KeyScope.READ if scope.get("method", "GET") in READING else KeyScope.WRITE
        if not caller.may(wanted):
            raise ScopeMissingError(caller, wanted)
        return caller

    def _look_up(self, scope: Scope) -> Caller:
        token = shown(scope)
        if not token:
            raise UnauthorizedError("An API key is needed: send the header Authorization: Bearer tower_…")
        with collaborators_of(scope["app"], Collaborators).sessions.begin() as session:
            caller = api_keys.check(session, token)
        self._known.remember(token, caller)
        return caller


def shown(scope: Scope) -> str:
    """The key that the request shows; empty if it shows none."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def install(app: FastAPI) -> None:
    """Answer what ADMIN refuses with a challenge."""
    app.add_exception_handler(ScopeMissingError, _scope_missing)


def open_paths(routers: Iterable[APIRouter]) -> frozenset[str]:
    """The paths that are marked as OPEN, whole: one with a parameter is never open."""
    routes = (route for router in routers for route in router.routes if isinstance(route, APIRoute))
    marked = (route.path for route in routes if (route.openapi_extra or {}).get("security") == [])
    return frozenset(path for path in marked if "{" not in path)


def describe(document: dict[str, Any]) -> None:
    """Say in an OpenAPI document what each operation needs; one that is open answers neither 401 nor 403 nor 429."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[_RequireAdmin.scheme_name] = _RequireAdmin.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    document["security"] = [{_RequireAdmin.scheme_name: []}]
    for operation in (one for path in document["paths"].values() for one in path.values()):
        if operation.get("security") == []:
            for status in ("401", "403", "429"):
                operation["responses"].pop(status, None)


async def _scope_missing(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ScopeMissingError)
    return _challenge(request.scope, error)


def _challenge(scope: Scope, refusal: UnauthorizedError | ScopeMissingError) -> JSONResponse:
    """With the header that RFC 6750 3 asks for."""
    reason = ""
    if isinstance(refusal, ScopeMissingError):
        reason = f', error="insufficient_scope", scope="{refusal.wanted}"'
    elif shown(scope):
        reason = ', error="invalid_token"'
    return error_response(scope, refusal, headers={"WWW-Authenticate": f'Bearer realm="tower"{reason}'})
