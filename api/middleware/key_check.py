"""API keys: every request needs a key that allows it, sent as `Authorization: Bearer tower_…`.

GET, HEAD and OPTIONS need the scope read, other methods need write. A router declares exceptions, which OpenAPI shows:

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

from api.errors import database_unavailable, error_response
from api.http.collaborators import Collaborators, collaborators_of
from db.models.keys import Scope as KeyScope
from tower import api_keys
from tower.api_keys import Caller
from tower.errors import ForbiddenError, UnauthorizedError

CALLER = "tower.caller"  # key in the ASGI scope; absent where API keys are off
KEY_CACHE_S = 2.0  # a valid key is cached this long, so a revoked one works at most this much longer
READ_METHODS = {"GET", "HEAD", "OPTIONS"}
OPEN: dict[str, Any] = {"security": []}


class ScopeMissingError(ForbiddenError):
    """The key is valid, but lacks the scope."""

    def __init__(self, caller: Caller, required: KeyScope) -> None:
        scopes = {"scope": required, "scopes": caller.scopes}
        super().__init__(f"The API key {caller.name} lacks the scope {required}", details=scopes)
        self.required = required


class _RequireAdmin(SecurityBase):
    model = HTTPBearer(description="An API key, made with `tower key create`. On loopback none is required by default.")
    scheme_name = "key"

    async def __call__(self, request: Request) -> None:
        caller: Caller | None = request.scope.get(CALLER)
        if caller is not None and not caller.has_scope(KeyScope.ADMIN):
            raise ScopeMissingError(caller, KeyScope.ADMIN)


ADMIN: Any = Security(_RequireAdmin(), scopes=[KeyScope.ADMIN.value])


class KeyCache:
    """Recently checked keys, by their hash, so that most requests need no database query."""

    def __init__(self) -> None:
        self._until: dict[str, tuple[float, Caller]] = {}

    def find_caller(self, scope: Scope) -> Caller | None:
        """The caller whose key the request shows, or None if the key is not cached."""
        until, caller = self._until.get(api_keys.hash_token(bearer_token(scope)), (0.0, None))
        return caller if time.monotonic() < until else None

    def remember(self, token: str, caller: Caller) -> None:
        self._until[api_keys.hash_token(token)] = (time.monotonic() + KEY_CACHE_S, caller)


class KeyCheck:
    """Refuses requests without a key that allows them, except on open paths."""

    def __init__(self, app: ASGIApp, *, cache: KeyCache, open_paths: Collection[str]) -> None:
        self.app = app
        self._known = cache
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._open:
            await self.app(scope, receive, send)
            return
        try:
            scope[CALLER] = await self._authorized_caller(scope)
        except (UnauthorizedError, ScopeMissingError) as refusal:
            await _challenge(scope, refusal)(scope, receive, send)
            return
        except (OperationalError, PoolTimeoutError) as silent:
            await database_unavailable(scope, silent)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _authorized_caller(self, scope: Scope) -> Caller:
        caller = self._known.find_caller(scope)
        if caller is None:
            caller = await to_thread.run_sync(self._look_up, scope)
        required = KeyScope.READ if scope.get("method", "GET") in READ_METHODS else KeyScope.WRITE
        if not caller.has_scope(required):
            raise ScopeMissingError(caller, required)
        return caller

    def _look_up(self, scope: Scope) -> Caller:
        token = bearer_token(scope)
        if not token:
            raise UnauthorizedError("An API key is required: send the header Authorization: Bearer tower_…")
        with collaborators_of(scope["app"], Collaborators).sessions.begin() as session:
            caller = api_keys.authenticate(session, token)
        self._known.remember(token, caller)
        return caller


def bearer_token(scope: Scope) -> str:
    """The API key of the request, or an empty string if there is none."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def install(app: FastAPI) -> None:
    """Answer a request that ADMIN refuses with a WWW-Authenticate challenge."""
    app.add_exception_handler(ScopeMissingError, _scope_missing)


def find_open_paths(routers: Iterable[APIRouter]) -> frozenset[str]:
    """The paths of the endpoints marked OPEN. A path with a parameter is never open."""
    routes = (route for router in routers for route in router.routes if isinstance(route, APIRoute))
    marked = (route.path for route in routes if (route.openapi_extra or {}).get("security") == [])
    return frozenset(path for path in marked if "{" not in path)


def document_security(openapi: dict[str, Any]) -> None:
    """Add the security scheme to an OpenAPI document, and drop 401, 403 and 429 from open operations."""
    schemes = openapi.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[_RequireAdmin.scheme_name] = _RequireAdmin.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    openapi["security"] = [{_RequireAdmin.scheme_name: []}]
    for operation in (operation for path in openapi["paths"].values() for operation in path.values()):
        if operation.get("security") == []:
            for status in ("401", "403", "429"):
                operation["responses"].pop(status, None)


async def _scope_missing(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ScopeMissingError)
    return _challenge(request.scope, error)


def _challenge(scope: Scope, refusal: UnauthorizedError | ScopeMissingError) -> JSONResponse:
    """The refusal with the WWW-Authenticate header of RFC 6750, section 3."""
    reason = ""
    if isinstance(refusal, ScopeMissingError):
        reason = f', error="insufficient_scope", scope="{refusal.required}"'
    elif bearer_token(scope):
        reason = ', error="invalid_token"'
    return error_response(scope, refusal, headers={"WWW-Authenticate": f'Bearer realm="tower"{reason}'})
