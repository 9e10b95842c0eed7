"""Names that mean the same field. A request may use the name of any answer; the documented names stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, BaseModel

FAMILIES = (
    ("duration", "duration_seconds", "duration_s"),
    ("offset_s", "offset"),
    ("quality", "quality_preset"),
    ("branch_name", "branch"),
    ("commit", "commit_hash"),
    ("scene_id", "scene_key"),
    ("episode_id", "episode_key"),
    ("episode_ids", "episode_keys"),
    ("event_id", "event_key"),
    ("until_event_id", "until_event_key"),
    ("character_id", "character_key"),
)


def rename_synonyms(model: type[BaseModel], data: Any) -> Any:
    """The body with each synonym under the name that the model takes.

    Raises ValueError if two names of one field have different values.
    """
    if not isinstance(data, Mapping):
        return data
    renamed = dict(data)
    for name, others in _body_synonyms(model).items():
        for other in others & renamed.keys():
            value = renamed.pop(other)
            if name in renamed and renamed[name] != value:
                raise ValueError(f"one value: {name} and {other} name the same field")
            renamed[name] = value
    return renamed


def rename_query_synonyms(request: Request, known: Iterable[str]) -> None:
    """Give each query parameter the name that the endpoint takes.

    Raises RequestValidationError if two names of one parameter have different values.
    """
    given = request.query_params
    renamed = {
        other: name for name, others in _declared_synonyms(tuple(known)).items() for other in others & given.keys()
    }
    for other, name in renamed.items():
        if given.get(name, given[other]) != given[other]:
            expected = f"the same value as {name}, which is another name of it"
            raise RequestValidationError(
                [{"type": "synonyms", "loc": ("query", other), "msg": expected, "input": given[other]}]
            )
    if renamed:
        items = [item for item in given.multi_items() if renamed.get(item[0]) not in given]
        request.scope["query_string"] = urlencode([(renamed.get(name, name), value) for name, value in items]).encode()


@cache
def _body_synonyms(model: type[BaseModel]) -> Mapping[str, frozenset[str]]:
    return _declared_synonyms(tuple(name for field in model.model_fields for name in _names_of(model, field)))


def _declared_synonyms(declared: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """The other names of each declared field, by its first declared name."""
    found = {}
    for family in FAMILIES:
        first = next((name for name in declared if name in family), None)
        if first is not None:
            found[first] = frozenset(family) - {first}
    return found


def _names_of(model: type[BaseModel], name: str) -> list[str]:
    """The names under which a body gives the field."""
    field = model.model_fields[name]
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [str(field.validation_alias or field.alias or name)]
