"""Which pages in a browser may ask: those of a list, never all, and never by cookies."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import METHODS, error_response
from tower.errors import ForbiddenError

SENT = ("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Range", "X-Request-ID")
SHOWN = (
    *("Content-Disposition", "Content-Range", "ETag", "Idempotent-Replay", "Link", "Location"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Next-Cursor", "X-Request-ID"),
)


class ListedOrigins(CORSMiddleware):
    """Starlette's, but for a preflight that it refuses: that is answered in the envelope."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        super().__init__(
            app, allow_origins=origins, allow_methods=METHODS, allow_headers=SENT, expose_headers=SHOWN, max_age=600
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        return answer if answer.status_code == 200 else _Refused(bytes(answer.body).decode())


class _Refused(Response):
    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = ForbiddenError(f"{self._why}: TOWER_CORS_ORIGINS lists who may ask from a browser")
        answer: JSONResponse = error_response(scope, refusal, headers={"Vary": "Origin"})
        await answer(scope, receive, send)
