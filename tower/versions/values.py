"""Canonical JSON values: equal values have equal bytes, on every machine and after a round trip through JSONB."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Mapping
from typing import Any

from tower.errors import InvalidError

MAX_DEPTH = 64  # nested objects and lists
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonicalise(value: Any, path: str, *, depth: int = 0) -> Any:
    """Return `value` as PostgreSQL returns it from JSONB: 8.0 becomes 8, tuples become lists, UUIDs become text.

    Raises InvalidError, which names `path`, for a value that JSONB cannot hold.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return _check_text(value, path)
        case float():
            return _canonical_number(value, path)
        case uuid.UUID():
            return str(value)
        case _ if depth >= MAX_DEPTH:
            raise InvalidError.field(path, None, f"at most {MAX_DEPTH} nested levels")
        case Mapping():
            return {
                canonicalise(str(key), path): canonicalise(
                    part, f"{path}/{escape_path_part(str(key))}", depth=depth + 1
                )
                for key, part in value.items()
            }
        case list() | tuple():
            return [canonicalise(part, f"{path}/{index}", depth=depth + 1) for index, part in enumerate(value)]
        case _:
            raise InvalidError.field(path, repr(value), "a JSON value")


def encode_canonical(value: Any) -> bytes:
    """Return the bytes of a canonical value."""
    return _ENCODER.encode(value).encode()


def are_equal(left: Any, right: Any) -> bool:
    """Whether two canonical values are equal. Unlike `==`, this tells true from 1."""
    if isinstance(left, str):
        return bool(left == right)
    return left is right or (bool(left == right) and encode_canonical(left) == encode_canonical(right))


def escape_path_part(part: str) -> str:
    """Escape a name for use in a path as in a JSON pointer: `/` becomes `~1`, `~` becomes `~0`."""
    return part.replace("~", "~0").replace("/", "~1")


def _check_text(value: str, path: str) -> str:
    if _UNSTORABLE.search(value):
        raise InvalidError.field(path, repr(value), "text without NUL characters or lone surrogates")
    return str(value)


def _canonical_number(value: float, path: str) -> int | float:
    if not math.isfinite(value):
        raise InvalidError.field(path, repr(value), "a finite number")
    return int(value) if value.is_integer() else value
