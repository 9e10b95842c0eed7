"""Request and answer bodies in the form of the real server (aiohttp)."""

from __future__ import annotations

import json
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


class JsonResponse(Response):
    media_type = "application/json; charset=utf-8"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(content, status_code)

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


class CrashError(Exception):
    """The real server answers 500 here."""


async def answer_crash(_: Request, __: Exception) -> Response:
    return server_error(500)


async def answer_not_found(_: Request, error: Exception) -> Response:
    """A path or method that is not served."""
    return Response(status_code=getattr(error, "status_code", 404), media_type="application/octet-stream")


def server_error(status: int) -> Response:
    reason = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}.get(status, "Error")
    return PlainTextResponse(f"{status} {reason}\n\nServer got itself in trouble", status)


FORMS = {
    "html": ("text/html", b"<html><body><h1>Not now</h1></body></html>"),
    "json": ("application/json", b'{"error": "rate limit exceeded"}'),
    "list": ("application/json", b"[]"),
    "text": ("text/plain", b"no healthy upstream"),
    "empty": (None, b""),
}  # content type and body of a proxy's answers


def proxy_answer(status: int, form: str) -> Response:
    media_type, body = FORMS[form]
    return Response(body, status, media_type=media_type)


async def read_json(request: Request) -> Any:
    """Raises CrashError if the body is not JSON."""
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise CrashError from error


async def read_object(request: Request) -> dict[str, Any]:
    """Raises CrashError if the body is not a JSON object."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise CrashError
    return body


def is_canonical_id(prompt_id: Any) -> bool:
    """Whether the id is a UUID in lower case with hyphens."""
    try:
        return isinstance(prompt_id, str) and str(uuid.UUID(prompt_id)) == prompt_id
    except ValueError:
        return False
