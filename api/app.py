"""The frame of every service: access checks, strict requests, one error envelope, request ids and API docs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import errors
from api.http import collaborators, docs_page
from api.http.collaborators import Collaborators
from api.middleware import key_check
from api.middleware.body_limit import BodyLimit
from api.middleware.cors import ListedOrigins
from api.middleware.error_boundary import ErrorBoundary
from api.middleware.local_only import LocalOnly
from api.middleware.rate_limits import Rate, RateLimiter, RateLimits
from api.middleware.request_context import RequestContext
from api.middleware.security_headers import SecurityHeaders
from tower.addresses import used_form
from tower.api_keys import require_usable_key
from tower.errors import StackError
from tower.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Collaborators]]
DEFAULT_RATE = "1200/minute"  # where API keys are required


class TowerApp(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            key_check.document_security(super().openapi())
            self.openapi_schema = _with_whole_bounds(super().openapi())
        return super().openapi()


def create_app(
    *,
    title: str,
    settings: Settings,
    routers: Sequence[APIRouter],
    lifespan: Lifespan | None = None,
    body_limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """Build a service. Its routers come from `strict_router`.

    `body_limits` maps a path to its limit in bytes, for paths that take more than BodyLimit's default.

    `lifespan` yields the collaborators, which reach the endpoints by the dependencies of `api.http.dependencies`. Where
    keys are required, a service without a `lifespan` cannot check them, and none starts before a key was made.
    """
    app = TowerApp(
        title=title,
        version=version("tower"),
        lifespan=_checked_lifespan(settings, lifespan),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses=_common_error_responses(),
    )
    app.state.settings = settings  # a lifespan reads them when it starts
    app.state.leads = True  # with several processes, the others leave shared work to the one that leads
    errors.install(app)
    key_check.install(app)
    for router in routers:
        app.include_router(router)
    docs_page.install(app, routers)
    open_paths = key_check.find_open_paths(routers) | docs_page.OPEN_PATHS
    _add_middleware(app, settings, open_paths=open_paths, larger_bodies=body_limits or {})
    return app


def require_database_url(settings: Settings) -> str:
    """The URL to connect with. Raises StackError if no database is named."""
    if settings.database_url is None:
        raise StackError("TOWER_DATABASE_URL is not set: start the stack with `tower up`, or set the variable")
    return used_form(settings.database_url)


def _add_middleware(
    app: FastAPI, settings: Settings, *, open_paths: frozenset[str], larger_bodies: Mapping[str, int]
) -> None:
    """Add the middleware, the innermost first."""
    cache = key_check.KeyCache()
    rate = settings.rate_limit or (DEFAULT_RATE if settings.keys_required else "off")
    app.add_middleware(BodyLimit, limits=larger_bodies)
    if settings.keys_required:
        app.add_middleware(key_check.KeyCheck, cache=cache, open_paths=open_paths)
    else:
        app.add_middleware(LocalOnly, origins=settings.allowed_origins)
    if rate != "off":
        app.add_middleware(RateLimits, limiter=RateLimiter(Rate.parse(rate)), cache=cache, open_paths=open_paths)
    app.add_middleware(ErrorBoundary)
    app.add_middleware(ListedOrigins, origins=settings.allowed_origins)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestContext)


def _checked_lifespan(
    settings: Settings, lifespan: Lifespan | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def started(app: FastAPI) -> AsyncIterator[None]:
        if settings.keys_required:
            await to_thread.run_sync(require_usable_key, settings)
        if lifespan is None:
            yield
            return
        async with lifespan(app) as made:
            collaborators.store_collaborators(app, made)
            yield

    return started


def _with_whole_bounds(schema: Any) -> Any:
    """The schema with whole bounds as integers: FastAPI writes each bound as a float, like 362.0."""
    if isinstance(schema, dict):
        return {name: _with_whole_bounds(part) for name, part in schema.items()}
    if isinstance(schema, list):
        return [_with_whole_bounds(part) for part in schema]
    return int(schema) if isinstance(schema, float) and schema.is_integer() else schema


def _operation_id(route: APIRoute) -> str:
    return route.name


def _common_error_responses() -> dict[int | str, dict[str, Any]]:
    return errors.error_responses(401, 403, 422, 429, 500, 503)
