"""The documented error envelope: every failure of every service is answered in it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tower.errors import InvalidError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode

REQUEST_ID = "tower.request_id"  # key of the ASGI scope
LONGEST_ECHO = 1000  # characters of a refused text that are sent back
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
MOST_ERRORS = 50  # refused fields that are listed in one answer

log = logging.getLogger(__name__)

CODES = {
    400: ErrorCode.BAD_REQUEST,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.BODY_TOO_LARGE,
}
EXPECTED = {
    "missing": "a value, it is required",
    "extra_forbidden": "no field of this name",
    "int_type": "integer",
    "int_parsing": "integer",
    "int_parsing_size": "integer of at most 64 bits",
    "int_from_float": "integer",
    "float_type": "number",
    "float_parsing": "number",
    "string_type": "string",
    "model_attributes_type": "a JSON object",
    "dict_type": "a JSON object",
}


class ErrorBody(BaseModel):
    code: str = Field(examples=["VALIDATION_ERROR"], description="For programs: stays the same.")
    message: str = Field(examples=["Invalid duration: expected less than or equal to 10"], description="For people.")
    details: dict[str, Any] | None = Field(
        None, examples=[{"field": "duration", "value": 99, "expected": "less than or equal to 10"}]
    )
    timestamp: datetime
    request_id: str = Field(examples=["req_0f3a9c5e7d21"], description="Also in the header X-Request-ID and the logs.")


class ErrorAnswer(BaseModel):
    """What every failure answers."""

    error: ErrorBody


class InvalidJsonError(InvalidError):
    """The body is not JSON at all, so that no field of it can be named."""

    code = ErrorCode.INVALID_JSON
    status = 400


class BodyTooLargeError(TowerError):
    code = ErrorCode.BODY_TOO_LARGE
    status = 413


class MediaTypeError(TowerError):
    """The Content-Type is not one that the endpoint takes."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE
    status = 415


class RangeError(TowerError):
    """The byte range is outside the file."""

    code = ErrorCode.RANGE_NOT_SATISFIABLE
    status = 416


def install(app: FastAPI) -> None:
    """Answer every failure of `app` in the envelope; what nobody expected is answered by Unexpected."""
    app.add_exception_handler(TowerError, _tower_error)
    app.add_exception_handler(RequestValidationError, _refused_fields)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(OperationalError, _database_down)
    app.add_exception_handler(PoolTimeoutError, _database_down)


def error_response(
    scope: Mapping[str, Any], error: TowerError, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {
        "code": error.code,
        "message": error.message,
        "details": to_jsonable_python(error.details, fallback=str),
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": scope[REQUEST_ID],
    }
    return JSONResponse({"error": body}, status_code=status or error.status, headers=headers)


def database_silent(scope: Mapping[str, Any], error: Exception) -> JSONResponse:
    """503 with Retry-After, for a database that does not answer and for a pool whose connections are all in use."""
    gone = UnavailableError("The database does not answer; try again in a moment, or run `tower doctor`")
    if isinstance(error, PoolTimeoutError):
        gone = UnavailableError("Too much is asked at once, all connections to the database are in use: try again")
    log.error("%s", gone.message, exc_info=error)
    return error_response(scope, gone, headers={"Retry-After": "2"})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """These failures for an endpoint's OpenAPI."""
    return {status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses}


async def _tower_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TowerError)
    if error.status >= 500:
        log.warning("%s: %s", error.code, error.message, exc_info=error)
    return error_response(request.scope, error)


async def _refused_fields(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if found[0]["type"] == "json_invalid":
        return error_response(request.scope, _broken_json(found[0]))
    errors = [_refused(one) for one in found[:MOST_ERRORS]]
    message = f"Invalid {errors[0]['field']}: expected {errors[0]['expected']}"
    return error_response(request.scope, InvalidError(message, details={**errors[0], "errors": errors}))


def _broken_json(error: Mapping[str, Any]) -> InvalidJsonError:
    place, reason = error["loc"][-1], error["ctx"]["error"]
    return InvalidJsonError(
        f"The body is no valid JSON: {reason}, at character {place}",
        details={"field": "body", "value": None, "expected": "valid JSON"},
    )


def _refused(error: Mapping[str, Any]) -> dict[str, Any]:
    kind, value = error["type"], None if error["type"] == "missing" else error["input"]
    expected = EXPECTED.get(kind) or re.sub(r"^(\w+ should (be|have) |Value error, )", "", error["msg"])
    return {"field": _path(error["loc"]), "value": _echo(value), "expected": expected}


def _path(loc: Sequence[str | int]) -> str:
    """'changes.scenes.1' for ('body', 'changes', 'scenes', 1); 'body' for the body as a whole."""
    return ".".join(map(str, loc[1:])) or str(loc[0])


def _echo(value: object) -> object:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    echoed = to_jsonable_python(value, fallback=str)
    return echoed if len(str(echoed)) <= LONGEST_ECHO else f"{str(echoed)[:LONGEST_ECHO]}…"


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    """The framework raises these; of our own, only BodyLimit does."""
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, ErrorCode.BAD_REQUEST)
    said = error.detail
    if said == HTTPStatus(error.status_code).phrase:  # the framework's own
        said = {404: "There is no endpoint {}", 405: "{} is not allowed here"}.get(error.status_code, said)
        said = said.format(f"{request.method} {request.url.path}")
    headers = {"Allow": ", ".join(_methods(request))} if error.status_code == 405 else error.headers
    return error_response(request.scope, TowerError(said, code=code), status=error.status_code, headers=headers)


def _methods(request: Request) -> list[str]:
    """All that this path takes: the framework names only those of the first endpoint that has the path."""

    def taken(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] == Match.FULL for route in request.app.router.routes)

    return [method for method in METHODS if taken(method)]


async def _database_down(request: Request, error: Exception) -> JSONResponse:
    return database_silent(request.scope, error)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    """One that cost the connection, as a plan that a migration outdated, ends with it: the next one is new."""
    assert isinstance(error, DBAPIError)
    if not error.connection_invalidated:
        raise error
    return database_silent(request.scope, error)
