"""Requests are taken exactly or refused: sound JSON, known fields, known query parameters."""

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
from pydantic import BaseModel, BeforeValidator, ConfigDict

from api.errors import MediaTypeError
from api.http.threads import Endpoint, in_one_thread
from tower.errors import NotFoundError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
LARGEST_ID = 2**53 - 1  # what every client can hold exactly: JSON numbers are doubles in browsers, and in OpenAPI
NUMBER = re.compile(r"\s*[+-]?[\d._]+(e[+-]?\d+)?\s*", re.IGNORECASE)


class Body(BaseModel):
    """The root of all request bodies: no unknown fields, no coercion ("5" is no number, true is no 1)."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, str_strip_whitespace=True)


def _no_number(value: object) -> object:
    """pydantic takes a bare number for seconds since 1970."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        raise ValueError("a time as 2025-11-05T04:46:12Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_no_number)]


class StrictRequest(Request):
    async def json(self) -> Any:
        """The body. JSONDecodeError also for NaN, infinities, lone surrogates and NUL, which no table can hold."""
        if not hasattr(self, "_json"):
            self._json = sound_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """Refuses unknown and repeated query parameters (declare them one by one, not as a model), and bodies but JSON."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, in_one_thread(endpoint), **options)

    def get_route_handler(self) -> Handler:
        answer = super().get_route_handler()
        known = _query_fields(self.dependant)
        takes_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            _refuse_unknown_query(request, known.keys())
            _refuse_repeated(request, known)
            _refuse_nul(request)
            if takes_body:
                _refuse_other_media(request)
            return await answer(StrictRequest(request.scope, request.receive))

        return strict


def strict_router(**options: Any) -> APIRouter:
    return APIRouter(route_class=StrictRoute, **options)


def sound_json(body: bytes) -> Any:
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_finite)
        _refuse_unstorable(value)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from None
    except ValueError as unsound:  # UnicodeDecodeError is one
        raise json.JSONDecodeError(str(unsound), "", 0) from unsound
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is out of range")
    return number


def _refuse_unstorable(value: object) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text holds the character NUL")
        value.encode()  # a lone surrogate raises UnicodeEncodeError
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)


def _query_fields(dependant: Dependant) -> dict[str, bool]:
    """By name: whether it may be given more than once."""
    found = {field.alias: _takes_many(field.field_info.annotation) for field in dependant.query_params}
    for inner in dependant.dependencies:
        found |= _query_fields(inner)
    return found


def _takes_many(annotation: Any) -> bool:
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
    """Which of them would be meant?"""
    times = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name, count in times.items() if count > 1 and not known[name]]
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
    """No table can hold it, so nothing is called by it."""
    if any("\0" in value for value in request.path_params.values() if isinstance(value, str)):
        raise NotFoundError(f"There is no endpoint {request.method} {request.url.path}")
    asked = request.query_params.multi_items()
    found = [(name, value) for name, value in asked if "\0" in value]
    if found:
        expected = "a text without the character NUL"
        raise RequestValidationError(
            [{"type": "nul", "loc": ("query", name), "msg": expected, "input": value} for name, value in found]
        )


def _refuse_other_media(request: Request) -> None:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise MediaTypeError("Send JSON, with the header Content-Type: application/json")
