"""The error envelope that every failure of every service is answered in."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tower.errors import MAX_FIELD_LENGTH, InvalidError, TowerError, UnavailableError
from tower.errors.codes import ErrorCode
from tower.errors.foreign import DISK_FULL_REASON, one_line, shortage_of
from tower.nesting import MAX_LEVELS

REQUEST_ID = "tower.request_id"  # key in the ASGI scope
MAX_ECHO_CHARACTERS = 1000  # a refused value is cut to this length in the answer
HTTP_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
MAX_LISTED_ERRORS = 50  # more refused fields than this are not listed

log = logging.getLogger(__name__)

CODE_BY_STATUS = {
    400: ErrorCode.BAD_REQUEST,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.BODY_TOO_LARGE,
}
EXPECTED_BY_ERROR_TYPE = {
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
    code: str = Field(examples=["VALIDATION_ERROR"], description="For programs. A code never changes its meaning.")
    message: str = Field(
        examples=["Invalid duration: expected less than or equal to 10"], description="For people. The text may change."
    )
    details: dict[str, Any] | None = Field(
        None, examples=[{"field": "duration", "value": 99, "expected": "less than or equal to 10"}]
    )
    timestamp: datetime
    request_id: str = Field(
        examples=["req_0f3a9c5e7d21"], description="The same id is in the header X-Request-ID and in the logs."
    )


class ErrorAnswer(BaseModel):
    """The body of every failure."""

    error: ErrorBody


class InvalidJsonError(InvalidError):
    """The body is not valid JSON, so no field of it can be named."""

    code = ErrorCode.INVALID_JSON
    status = 400


class DeepJsonError(HTTPException):
    """The body is nested too deeply. FastAPI lets only an HTTPException of the parser through."""

    def __init__(self, path: str) -> None:
        super().__init__(422)
        self.path = path


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
    """Answer every failure of `app` in the envelope, except unexpected exceptions, which the middleware answers."""
    app.add_exception_handler(TowerError, _tower_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DeepJsonError, _deep_json)
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


def database_unavailable(scope: Mapping[str, Any], error: Exception) -> JSONResponse:
    """503 with Retry-After, for a database that does not answer or a pool with no free connection."""
    unavailable = describe_database_failure(error)
    log.error("%s", unavailable.message, exc_info=error)
    return error_response(scope, unavailable, headers={"Retry-After": "2"})


def describe_database_failure(error: Exception, *, details: dict[str, Any] | None = None) -> UnavailableError:
    """The answer to a request that the database did not serve."""
    if isinstance(error, PoolTimeoutError):
        busy = "All database connections are in use: too many requests at once, try again"
        return UnavailableError(busy, details=details)
    shortage = shortage_of(error)
    if shortage is None:
        silent = "The database does not answer; try again in a moment, or run `tower doctor`"
        return UnavailableError(silent, details=details)
    code = ErrorCode.DATABASE_DISK_FULL if shortage == DISK_FULL_REASON else None
    return UnavailableError(f"{shortage[0].upper()}{shortage[1:]}; run `tower doctor`", details=details, code=code)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for an endpoint that can fail with these statuses."""
    return {status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses}


async def _tower_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TowerError)
    if error.status >= 500:
        log.warning("%s: %s", error.code, error.message, exc_info=error)
    return error_response(request.scope, error)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    failures = error.errors()
    if failures[0]["type"] == "json_invalid":
        return error_response(request.scope, _invalid_json(failures[0]))
    errors = [_field_details(failure) for failure in failures[:MAX_LISTED_ERRORS]]
    message = f"Invalid {errors[0]['field']}: expected {errors[0]['expected']}"
    return error_response(request.scope, InvalidError(message, details={**errors[0], "errors": errors}))


async def _deep_json(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DeepJsonError)
    expected = f"at most {MAX_LEVELS} nested levels"
    details = {"field": error.path, "value": None, "expected": expected}
    message = f"Invalid {error.path}: expected {expected}"
    return error_response(request.scope, InvalidError(message, details={**details, "errors": [details]}))


def _invalid_json(error: Mapping[str, Any]) -> InvalidJsonError:
    position, reason = error["loc"][-1], error["ctx"]["error"]
    return InvalidJsonError(
        f"The body is not valid JSON: {reason}, at character {position}",
        details={"field": "body", "value": None, "expected": "valid JSON"},
    )


def _field_details(error: Mapping[str, Any]) -> dict[str, Any]:
    kind, value = error["type"], None if error["type"] == "missing" else error["input"]
    expected = EXPECTED_BY_ERROR_TYPE.get(kind) or re.sub(r"^(\w+ should (be|have) |Value error, )", "", error["msg"])
    return {"field": _field_path(error["loc"]), "value": _shortened(value), "expected": expected}


def _field_path(loc: Sequence[str | int]) -> str:
    """'changes.scenes.1' for ('body', 'changes', 'scenes', 1); 'body' for the body as a whole."""
    return one_line(".".join(map(str, loc[1:])), MAX_FIELD_LENGTH) or str(loc[0])


def _shortened(value: object) -> object:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    echoed = to_jsonable_python(value, fallback=str)
    return echoed if len(str(echoed)) <= MAX_ECHO_CHARACTERS else f"{str(echoed)[:MAX_ECHO_CHARACTERS]}…"


async def _http_error(request: Request, error: Exception) -> Response:
    """FastAPI and Starlette raise these. In our own code only BodyLimit does. OPTIONS is answered with the methods."""
    assert isinstance(error, HTTPException)
    code = CODE_BY_STATUS.get(error.status_code, ErrorCode.BAD_REQUEST)
    message = error.detail
    if message == HTTPStatus(error.status_code).phrase:  # the framework's own text
        message = {404: "There is no endpoint {}", 405: "{} is not allowed here"}.get(error.status_code, message)
        message = message.format(f"{request.method} {request.url.path}")
    headers = {"Allow": ", ".join(_allowed_methods(request))} if error.status_code == 405 else error.headers
    if error.status_code == 405 and request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    return error_response(request.scope, TowerError(message, code=code), status=error.status_code, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """All methods of this path. The framework names only those of the first endpoint with the path."""

    def is_allowed(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] == Match.FULL for route in request.app.router.routes)

    return [method for method in HTTP_METHODS if is_allowed(method)]


async def _database_down(request: Request, error: Exception) -> JSONResponse:
    return database_unavailable(request.scope, error)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    """503 for an error that closed its connection, such as a query plan outdated by a migration; a retry succeeds."""
    assert isinstance(error, DBAPIError)
    if not error.connection_invalidated:
        raise error
    return database_unavailable(request.scope, error)
