"""The valid values of each kind's fields, taken from the columns and the limits of the tables."""

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


_MAX_LENGTHS = {
    (Kind.CHARACTERS, "name"): 100,
    (Kind.BIBLE_CHARACTERS, "name"): 100,
    (Kind.BIBLE_CHARACTERS, "description"): 1000,
    (Kind.STYLES, "name"): 100,
    (Kind.STORY_ARCS, "name"): 200,
    (Kind.BIBLE, "title"): 200,
    (Kind.BIBLE, "description"): 2000,
    (Kind.EPISODES, "title"): 200,
}  # in characters; such a text is never empty
_TYPES: Mapping[type, tuple[Form, str]] = {
    ARRAY: (Form.KEYS, "a list of keys (UUIDs)"),
    UUID: (Form.KEY, "a key (UUID)"),
    Float: (Form.NUMBER, "a number above 0"),
    BigInteger: (Form.INTEGER, "a whole number"),
}
_COUNTED_FROM_ONE = {(Kind.SCENES, "scene_number"), (Kind.EPISODES, "episode_number")}


@dataclass(frozen=True)
class Field:
    """A field of a kind and its valid values.

    required: not nullable and without a default.
    longest: the maximum length in characters of a text, which must not be empty then; None for no limit.
    """

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
    """Return the given fields in canonical form.

    Raises InvalidError, which names the path, for an unknown field or an invalid value.
    """
    known = fields_of(kind)
    for name in fields:
        if name not in known:
            raise InvalidError.field(f"{path}/{name}", fields[name], "a field of " + ", ".join(known))
    return {name: _parse_value(known[name], value, f"{path}/{name}") for name, value in fields.items()}


def whole(kind: Kind, fields: Mapping[str, Any], path: str) -> Fields:
    """Return all fields of a new entity, with defaults for those not given.

    Raises InvalidError, which names the path, if a required field is missing.
    """
    for name, field in fields_of(kind).items():
        if field.required and name not in fields:
            raise InvalidError.field(f"{path}/{name}", None, f"{field.expected}: required to create one")
    return completed(kind, fields)


def completed(kind: Kind, fields: Mapping[str, Any]) -> Fields:
    """Return `fields` with defaults for fields that their kind has gained since they were stored."""
    return {name: fields.get(name, field.default) for name, field in fields_of(kind).items()}


def _field(kind: Kind, name: str, column: Any) -> Field:
    default = column.default
    value = None if default is None else default.arg(None) if default.is_callable else default.arg
    new_field = partial(
        Field,
        nullable=bool(column.nullable),
        required=not column.nullable and default is None,
        default=canonical(value, name),
    )
    longest = _MAX_LENGTHS.get((kind, name))
    match column.type:
        case Enum() as states:
            choices = tuple(states.enums)
            return new_field(Form.CHOICE, "one of " + ", ".join(choices), choices=choices)
        case BigInteger() if (kind, name) in _COUNTED_FROM_ONE:
            return new_field(Form.INTEGER, "a whole number from 1", smallest=1)
        case JSONB():
            form, expected = (Form.OBJECT, "an object") if isinstance(value, dict) else (Form.LIST, "a list")
        case _ as plain:
            text = (Form.TEXT, f"1 to {longest} characters" if longest else "text")
            form, expected = next((_TYPES[known] for known in _TYPES if isinstance(plain, known)), text)
    return new_field(form, expected, longest=longest)


def _parse_value(field: Field, value: Any, path: str) -> Any:
    plain = canonical(value, path)
    if plain is None and field.nullable:
        return None
    parsed = None if isinstance(plain, bool) else _PARSERS[field.form](field, plain)
    if parsed is None:
        raise InvalidError.field(path, plain, field.expected + (" or null" if field.nullable else ""))
    return parsed


def _parse_text(field: Field, value: Any) -> Any:
    fits = isinstance(value, str) and (field.longest is None or 1 <= len(value) <= field.longest)
    return value if fits else None


def _parse_choice(field: Field, value: Any) -> Any:
    return value if isinstance(value, str) and value in field.choices else None


def _parse_integer(field: Field, value: Any) -> Any:
    return value if isinstance(value, int) and field.smallest <= value <= BIGGEST else None


def _parse_positive(_: Field, value: Any) -> Any:
    return value if isinstance(value, int | float) and 0 < value <= BIGGEST else None


def _parse_object(_: Field, value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _parse_list(_: Field, value: Any) -> Any:
    return value if isinstance(value, list) else None


def _parse_key(_: Field, value: Any) -> Any:
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        return None


def _parse_keys(field: Field, value: Any) -> Any:
    keys = [_parse_key(field, item) for item in value] if isinstance(value, list) else [None]
    return None if None in keys else keys


_PARSERS: Mapping[
    Form, Callable[[Field, Any], Any]
] = {  # each returns the value in its field's form, or None if invalid
    Form.TEXT: _parse_text,
    Form.CHOICE: _parse_choice,
    Form.INTEGER: _parse_integer,
    Form.NUMBER: _parse_positive,
    Form.OBJECT: _parse_object,
    Form.LIST: _parse_list,
    Form.KEY: _parse_key,
    Form.KEYS: _parse_keys,
}
