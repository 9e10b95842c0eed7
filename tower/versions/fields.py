"""What may stand in a field of each kind, read off its column, and the limits that the tables set."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Enum, Float
from sqlalchemy.dialects.postgresql import JSONB, UUID

from tower.errors import InvalidError
from tower.versions.kinds import SHAPES, Fields, Kind, mapper
from tower.versions.values import canonical

BIGGEST = 2**63 - 1


class Form(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"
    OBJECT = "object"
    LIST = "list"
    KEY = "key"
    KEYS = "keys"


_LONGEST = {
    (Kind.CHARACTERS, "name"): 100,
    (Kind.BIBLE_CHARACTERS, "name"): 100,
    (Kind.BIBLE_CHARACTERS, "description"): 1000,
    (Kind.STYLES, "name"): 100,
    (Kind.STORY_ARCS, "name"): 200,
    (Kind.BIBLE, "title"): 200,
    (Kind.BIBLE, "description"): 2000,
    (Kind.EPISODES, "title"): 200,
}  # longest, in characters; such a text is never empty
_PLAIN: Mapping[type, tuple[Form, str]] = {
    ARRAY: (Form.KEYS, "a list of keys (UUIDs)"),
    UUID: (Form.KEY, "a key (UUID)"),
    Float: (Form.NUMBER, "a number above 0"),
    BigInteger: (Form.INTEGER, "a whole number"),
}
_FROM_ONE = {(Kind.SCENES, "scene_number"), (Kind.EPISODES, "episode_number")}


@dataclass(frozen=True)
class Field:
    """`required`: not nullable and without a default. `longest`: of a text that is never empty, in characters."""

    form: Form
    expected: str
    nullable: bool
    required: bool
    default: Any = None
    choices: tuple[str, ...] = ()
    longest: int | None = None
    smallest: int = -BIGGEST - 1


@cache
def fields_of(kind: Kind) -> Mapping[str, Field]:
    columns = mapper(kind).columns
    return {name: _field(kind, name, columns[name]) for name in SHAPES[kind].content}


def checked(kind: Kind, fields: Mapping[str, Any], path: str) -> Fields:
    """The given fields in canonical form. Raises InvalidError that names the path of an unknown field or bad value."""
    known = fields_of(kind)
    for name in fields:
        if name not in known:
            raise InvalidError.field(f"{path}/{name}", fields[name], "a field of " + ", ".join(known))
    return {name: _value(known[name], value, f"{path}/{name}") for name, value in fields.items()}


def whole(kind: Kind, fields: Mapping[str, Any], path: str) -> Fields:
    """All fields, those not given at their default. Raises InvalidError that names a missing one."""
    for name, field in fields_of(kind).items():
        if field.required and name not in fields:
            raise InvalidError.field(f"{path}/{name}", None, f"{field.expected}: a new one needs it")
    return completed(kind, fields)


def completed(kind: Kind, fields: Mapping[str, Any]) -> Fields:
    """`fields` with the default of each field that was not there when they were stored."""
    return {name: fields.get(name, field.default) for name, field in fields_of(kind).items()}


def _field(kind: Kind, name: str, column: Any) -> Field:
    default = column.default
    value = None if default is None else default.arg(None) if default.is_callable else default.arg
    made = partial(
        Field,
        nullable=bool(column.nullable),
        required=not column.nullable and default is None,
        default=canonical(value, name),
    )
    longest = _LONGEST.get((kind, name))
    match column.type:
        case Enum() as states:
            choices = tuple(states.enums)
            return made(Form.CHOICE, "one of " + ", ".join(choices), choices=choices)
        case BigInteger() if (kind, name) in _FROM_ONE:
            return made(Form.INTEGER, "a whole number from 1", smallest=1)
        case JSONB():
            form, expected = (Form.OBJECT, "an object") if isinstance(value, dict) else (Form.LIST, "a list")
        case _ as plain:
            text = (Form.TEXT, f"1 to {longest} characters" if longest else "text")
            form, expected = next((_PLAIN[known] for known in _PLAIN if isinstance(plain, known)), text)
    return made(form, expected, longest=longest)


def _value(field: Field, value: Any, path: str) -> Any:
    plain = canonical(value, path)
    if plain is None and field.nullable:
        return None
    fitting = None if isinstance(plain, bool) else _FITTING[field.form](field, plain)
    if fitting is None:
        raise InvalidError.field(path, plain, field.expected + (" or null" if field.nullable else ""))
    return fitting


def _text(field: Field, value: Any) -> Any:
    fits = isinstance(value, str) and (field.longest is None or 1 <= len(value) <= field.longest)
    return value if fits else None


def _choice(field: Field, value: Any) -> Any:
    return value if isinstance(value, str) and value in field.choices else None


def _integer(field: Field, value: Any) -> Any:
    return value if isinstance(value, int) and field.smallest <= value <= BIGGEST else None


def _positive(_: Field, value: Any) -> Any:
    return value if isinstance(value, int | float) and 0 < value <= BIGGEST else None


def _object(_: Field, value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _list(_: Field, value: Any) -> Any:
    return value if isinstance(value, list) else None


def _key(_: Field, value: Any) -> Any:
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        return None


def _keys(field: Field, value: Any) -> Any:
    keys = [_key(field, item) for item in value] if isinstance(value, list) else [None]
    return None if None in keys else keys


_FITTING: Mapping[Form, Callable[[Field, Any], Any]] = {  # the value in the form of its field; None if it does not fit
    Form.TEXT: _text,
    Form.CHOICE: _choice,
    Form.INTEGER: _integer,
    Form.NUMBER: _positive,
    Form.OBJECT: _object,
    Form.LIST: _list,
    Form.KEY: _key,
    Form.KEYS: _keys,
}
