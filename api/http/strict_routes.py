"""Strict requests: valid JSON, known fields and known query parameters only."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Set
from datetime import datetime
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from api.errors import DeepJsonError, MediaTypeError
from api.http.etags import answer_unchanged
from api.http.synonyms import rename_query_synonyms, rename_synonyms
from api.http.threads import Endpoint, run_in_one_thread
from tower.errors import NotFoundError
from tower.nesting import find_too_deep, shorten_path

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]
MAX_ID = 2**53 - 1  # the largest integer that a double holds exactly, as browsers read JSON numbers
MAX_DIGITS = 309  # of an integer, as the largest double has
SURROGATE_PATTERN = re.compile("[\ud800-\udfff]")
NUMBER_PATTERN = re.compile(r"\s*[+-]?[\d._]+(e[+-]?\d+)?\s*", re.IGNORECASE)


class Body(BaseModel):
    """The base of all request bodies. It refuses unknown fields and coerces nothing: "5" is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def rename_synonyms(cls, data: Any) -> Any:
        return rename_synonyms(cls, data)


def _refuse_number(value: object) -> object:
    """pydantic would read a bare number as seconds since 1970."""
    if isinstance(value, str) and NUMBER_PATTERN.fullmatch(value):
        raise ValueError("a time such as 2025-11-05T04:46:12Z")
    return value


StrictDatetime = Annotated[datetime, BeforeValidator(_refuse_number)]


class StrictRequest(Request):
    async def json(self) -> Any:
        """The parsed body. Raises JSONDecodeError for NaN, infinities, lone surrogates and NUL too."""
        if not hasattr(self, "_json"):
            self._json = parse_strict_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """Refuses unknown and repeated query parameters, and bodies that are not JSON. HEAD is answered where GET is.

    Declare query parameters one by one, not as a model.
    """

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, run_in_one_thread(endpoint), **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return (Match.FULL if match is Match.PARTIAL and self._answers_head(scope) else match), child

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.app if self._answers_head(scope) else super().handle)(scope, receive, send)

    def _answers_head(self, scope: Scope) -> bool:
        """The server that sends the answer leaves out its body. OpenAPI lists GET alone."""
        return scope["type"] == "http" and scope["method"] == "HEAD" and "GET" in (self.methods or ())

    def get_route_handler(self) -> RouteHandler:
        handle = super().get_route_handler()
        known = _query_fields(self.dependant)
        takes_body = self.body_field is not None

        async def handle_strictly(request: Request) -> Response:
            rename_query_synonyms(request, known)
            request = StrictRequest(request.scope, request.receive)
            _refuse_unknown_query(request, known.keys())
            _refuse_repeated(request, known)
            _refuse_nul(request)
            if takes_body:
                _require_json_media_type(request)
            return answer_unchanged(request, await handle(request))

        return handle_strictly


def strict_router(**options: Any) -> APIRouter:
    return APIRouter(route_class=StrictRoute, **options)


def parse_strict_json(body: bytes) -> Any:
    """Raises JSONDecodeError, and DeepJsonError for JSON that is nested too deeply."""
    try:
        value = json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite_float, parse_int=_integer
        )
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise DeepJsonError("body") from None
    except UnicodeDecodeError as invalid:
        raise json.JSONDecodeError("it is not UTF-8", "", invalid.start) from None
    except ValueError as invalid:
        raise json.JSONDecodeError(str(invalid), "", 0) from invalid
    if (path := find_too_deep(value)) is not None:
        raise DeepJsonError(shorten_path(path) or "body")
    _refuse_unstorable(value)
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not valid JSON")


def _finite_float(text: str) -> float | int:
    """A whole number is an integer, however it is written: JSON does not tell 362.0 from 362."""
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is out of range")
    return int(number) if number.is_integer() and abs(number) <= MAX_ID else number


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer has {len(digits)} digits, more than {MAX_DIGITS}")
    return int(digits)


def _refuse_unstorable(value: object) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise json.JSONDecodeError("a text contains the character NUL", "", 0)
        if not value.isascii() and SURROGATE_PATTERN.search(value):
            raise json.JSONDecodeError("a text contains half of a surrogate pair", "", 0)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)


def _query_fields(dependant: Dependant) -> dict[str, bool]:
    """Whether each query parameter may be given more than once, by name."""
    fields = {field.alias: _is_repeatable(field.field_info.annotation) for field in dependant.query_params}
    for inner in dependant.dependencies:
        fields |= _query_fields(inner)
    return fields


def _is_repeatable(annotation: Any) -> bool:
    return any(get_origin(kind) is list for kind in (annotation, *get_args(annotation)))


def _refuse_unknown_query(request: Request, known: Set[str]) -> None:
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        expected = f"one of {', '.join(sorted(known))}" if known else "no query parameters"
        raise RequestValidationError(
            [
                {
                    "type": "query_forbidden",
                    "loc": ("query", name),
                    "msg": expected,
                    "input": request.query_params[name],
                }
                for name in unknown
            ]
        )


def _refuse_repeated(request: Request, known: Mapping[str, bool]) -> None:
    counts = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name, count in counts.items() if count > 1 and not known[name]]
    if repeated:
        raise RequestValidationError(
            [
                {
                    "type": "query_repeated",
                    "loc": ("query", name),
                    "msg": "one value",
                    "input": request.query_params.getlist(name),
                }
                for name in repeated
            ]
        )


def _refuse_nul(request: Request) -> None:
    """PostgreSQL stores no NUL, so nothing has a name that contains one."""
    if any("\0" in value for value in request.path_params.values() if isinstance(value, str)):
        raise NotFoundError(f"There is no endpoint {request.method} {request.url.path}")
    refused = [(name, value) for name, value in request.query_params.multi_items() if "\0" in value]
    if refused:
        expected = "a text without the character NUL"
        raise RequestValidationError(
            [{"type": "nul", "loc": ("query", name), "msg": expected, "input": value} for name, value in refused]
        )


def _require_json_media_type(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise MediaTypeError("Send JSON, with the header Content-Type: application/json")
