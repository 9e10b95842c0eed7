"""CORS for the web pages in TOWER_CORS_ORIGINS: never for all origins, and never with cookies."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import HTTP_METHODS, error_response
from tower.errors import ForbiddenError

ALLOWED_HEADERS = ("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Range", "X-Request-ID")
EXPOSED_HEADERS = (
    *("Content-Disposition", "Content-Range", "ETag", "Idempotent-Replay", "Link", "Location"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Next-Cursor", "X-Request-ID"),
)


class ListedOrigins(CORSMiddleware):
    """Starlette's CORS middleware, except that a refused preflight is answered in the error envelope."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=HTTP_METHODS,
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=600,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        return answer if answer.status_code == 200 else _RefusedPreflight(bytes(answer.body).decode())


class _RefusedPreflight(Response):
    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason

    def _remedy(self) -> str:
        if "origin" in self._reason:
            return "list the page's origin in TOWER_CORS_ORIGINS to allow it"
        return f"pages may use {', '.join(HTTP_METHODS)}, and the headers {', '.join(ALLOWED_HEADERS)} and Content-Type"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = ForbiddenError(f"{self._reason}: {self._remedy()}")
        answer: JSONResponse = error_response(scope, refusal, headers={"Vary": "Origin"})
        await answer(scope, receive, send)
