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
from tower.names import clean_name
from tower.versions.episode_cuts import parse_cut
from tower.versions.kinds import KIND_SPECS, Fields, Kind, get_mapper
from tower.versions.values import canonicalise

MAX_INTEGER = 2**63 - 1


class FieldType(StrEnum):
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
_NAMES = {"name", "title"}  # fields that hold a name and not a text of several lines
_TYPES: Mapping[type, tuple[FieldType, str]] = {
    ARRAY: (FieldType.KEYS, "a list of keys (UUIDs)"),
    UUID: (FieldType.KEY, "a key (UUID)"),
    Float: (FieldType.NUMBER, "a number above 0"),
    BigInteger: (FieldType.INTEGER, "a whole number"),
}
_COUNTED_FROM_ONE = {(Kind.SCENES, "scene_number"), (Kind.EPISODES, "episode_number")}


@dataclass(frozen=True)
class FieldSpec:
    """A field of a kind and its valid values.

    required: not nullable and without a default.
    max_length: the maximum length in characters of a text, which must not be empty then; None for no limit.
    """

    type: FieldType
    expected: str
    nullable: bool
    required: bool
    default: Any = None
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    minimum: int = -MAX_INTEGER - 1


@cache
def field_specs(kind: Kind) -> Mapping[str, FieldSpec]:
    columns = get_mapper(kind).columns
    return {name: _field(kind, name, columns[name]) for name in KIND_SPECS[kind].content_fields}


def parse_fields(kind: Kind, fields: Mapping[str, Any], path: str) -> Fields:
    """Return the given fields in canonical form.

    Raises InvalidError, which names the path, for an unknown field or an invalid value.
    """
    known = field_specs(kind)
    for name in fields:
        if name not in known:
            raise InvalidError.field(f"{path}/{name}", fields[name], "a field of " + ", ".join(known))
    parsed = {name: _parse_value(known[name], value, f"{path}/{name}") for name, value in fields.items()}
    if kind == Kind.EPISODES and "cut" in parsed:
        parsed["cut"] = parse_cut(parsed["cut"], f"{path}/cut")
    return parsed


def parse_edit(kind: Kind, fields: Mapping[str, Any], path: str) -> Fields:
    """Return the fields of an edit as `parse_fields` does, with names in the form of `clean_name`.

    History may hold names that are refused here.
    """
    cleaned = {
        name: parse_name(value, f"{path}/{name}") if name in _NAMES and isinstance(value, str) and value else value
        for name, value in fields.items()
    }
    return parse_fields(kind, cleaned, path)


def parse_name(name: str, path: str) -> str:
    """Return the name in the form of `clean_name`. Raises InvalidError, which names the path."""
    try:
        return clean_name(name)
    except ValueError as refused:
        raise InvalidError.field(path, name, str(refused)) from None


def complete_new_fields(kind: Kind, fields: Mapping[str, Any], path: str) -> Fields:
    """Return all fields of a new entity, with defaults for those not given.

    Raises InvalidError, which names the path, if a required field is missing.
    """
    for name, field in field_specs(kind).items():
        if field.required and name not in fields:
            raise InvalidError.field(f"{path}/{name}", None, f"{field.expected}: required to create one")
    return fill_defaults(kind, fields)


def fill_defaults(kind: Kind, fields: Mapping[str, Any]) -> Fields:
    """Return `fields` with defaults for fields that their kind has gained since they were stored."""
    return {name: fields.get(name, field.default) for name, field in field_specs(kind).items()}


def _field(kind: Kind, name: str, column: Any) -> FieldSpec:
    default = column.default
    value = None if default is None else default.arg(None) if default.is_callable else default.arg
    new_field = partial(
        FieldSpec,
        nullable=bool(column.nullable),
        required=not column.nullable and default is None,
        default=canonicalise(value, name),
    )
    longest = _MAX_LENGTHS.get((kind, name))
    match column.type:
        case Enum() as states:
            choices = tuple(states.enums)
            return new_field(FieldType.CHOICE, "one of " + ", ".join(choices), choices=choices)
        case BigInteger() if (kind, name) in _COUNTED_FROM_ONE:
            return new_field(FieldType.INTEGER, "a whole number from 1", minimum=1)
        case JSONB():
            form, expected = (FieldType.OBJECT, "an object") if isinstance(value, dict) else (FieldType.LIST, "a list")
        case _ as plain:
            text = (FieldType.TEXT, f"1 to {longest} characters" if longest else "text")
            form, expected = next((_TYPES[known] for known in _TYPES if isinstance(plain, known)), text)
    return new_field(form, expected, max_length=longest)


def _parse_value(field: FieldSpec, value: Any, path: str) -> Any:
    plain = canonicalise(value, path)
    if plain is None and field.nullable:
        return None
    parsed = None if isinstance(plain, bool) else _PARSERS[field.type](field, plain)
    if parsed is None:
        raise InvalidError.field(path, plain, field.expected + (" or null" if field.nullable else ""))
    return parsed


def _parse_text(field: FieldSpec, value: Any) -> Any:
    fits = isinstance(value, str) and (field.max_length is None or 1 <= len(value) <= field.max_length)
    return value if fits else None


def _parse_choice(field: FieldSpec, value: Any) -> Any:
    return value if isinstance(value, str) and value in field.choices else None


def _parse_integer(field: FieldSpec, value: Any) -> Any:
    return value if isinstance(value, int) and field.minimum <= value <= MAX_INTEGER else None


def _parse_positive(_: FieldSpec, value: Any) -> Any:
    return value if isinstance(value, int | float) and 0 < value <= MAX_INTEGER else None


def _parse_object(_: FieldSpec, value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _parse_list(_: FieldSpec, value: Any) -> Any:
    return value if isinstance(value, list) else None


def _parse_key(_: FieldSpec, value: Any) -> Any:
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        return None


def _parse_keys(field: FieldSpec, value: Any) -> Any:
    keys = [_parse_key(field, item) for item in value] if isinstance(value, list) else [None]
    return None if None in keys else keys


_PARSERS: Mapping[
    FieldType, Callable[[FieldSpec, Any], Any]
] = {  # each returns the value in its field's form, or None if invalid
    FieldType.TEXT: _parse_text,
    FieldType.CHOICE: _parse_choice,
    FieldType.INTEGER: _parse_integer,
    FieldType.NUMBER: _parse_positive,
    FieldType.OBJECT: _parse_object,
    FieldType.LIST: _parse_list,
    FieldType.KEY: _parse_key,
    FieldType.KEYS: _parse_keys,
}
