"""Request and answer bodies in the form of the real server (aiohttp)."""

from __future__ import annotations

import json
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


class Json(Response):
    media_type = "application/json; charset=utf-8"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(content, status_code)

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


class CrashError(Exception):
    """The real server answers 500 here."""


async def crashed(_: Request, __: Exception) -> Response:
    return failing(500)


async def not_found(_: Request, error: Exception) -> Response:
    """A path or method that is not served."""
    return Response(status_code=getattr(error, "status_code", 404), media_type="application/octet-stream")


def failing(status: int) -> Response:
    reason = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}.get(status, "Error")
    return PlainTextResponse(f"{status} {reason}\n\nServer got itself in trouble", status)


async def body_of(request: Request) -> Any:
    """Raises CrashError if the body is not JSON."""
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise CrashError from error


async def object_of(request: Request) -> dict[str, Any]:
    """Raises CrashError if the body is not a JSON object."""
    body = await body_of(request)
    if not isinstance(body, dict):
        raise CrashError
    return body


def canonical(prompt_id: Any) -> bool:
    """Whether the id is a UUID in lower case with hyphens."""
    try:
        return isinstance(prompt_id, str) and str(uuid.UUID(prompt_id)) == prompt_id
    except ValueError:
        return False
