"""JSON values in one form: what is equal has the same bytes, on every machine and after a trip through JSONB."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

from tower.errors import InvalidError

DEEPEST = 64  # levels of objects and lists inside each other
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any, path: str, *, depth: int = 0) -> Any:
    """`value` as PostgreSQL gives it back: 8.0 is 8, tuples are lists, UUIDs text. InvalidError names `path`."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return _text(value, path)
        case float():
            return _number(value, path)
        case uuid.UUID():
            return str(value)
        case _ if depth >= DEEPEST:
            raise InvalidError.field(path, None, f"no more than {DEEPEST} levels inside each other")
        case Mapping():
            return {
                canonical(str(key), path): canonical(part, f"{path}/{escaped(str(key))}", depth=depth + 1)
                for key, part in value.items()
            }
        case list() | tuple():
            return [canonical(part, f"{path}/{at}", depth=depth + 1) for at, part in enumerate(value)]
        case _:
            raise InvalidError.field(path, repr(value), "a JSON value")


def encoded(value: Any) -> bytes:
    """The one way to write a canonical value."""
    return _ENCODER.encode(value).encode()


def same(left: Any, right: Any) -> bool:
    """Whether two canonical values are one. `==` alone takes true for 1."""
    if isinstance(left, str):
        return bool(left == right)
    return left is right or (bool(left == right) and encoded(left) == encoded(right))


def escaped(part: str) -> str:
    """A name as a part of a path, as in a JSON pointer: `/` becomes `~1`, `~` becomes `~0`."""
    return part.replace("~", "~0").replace("/", "~1")


def _text(value: str, path: str) -> str:
    if _UNSTORABLE.search(value):
        raise InvalidError.field(path, repr(value), "text without NUL characters and lone surrogates")
    return str(value)


def _number(value: float, path: str) -> int | float:
    if not math.isfinite(value):
        raise InvalidError.field(path, repr(value), "a finite number")
    return int(value) if value.is_integer() else value
