"""Names the options of a command in the refusals of the API, which names its own fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tower.errors import TowerError


@contextmanager
def refusals_name_options(options: Mapping[str, str]) -> Iterator[None]:
    """Raise the refusal of a field with the name of its option. `options`: option or argument by field.

    A field inside another one, such as `settings.fps`, is found by its own name or that of the outer one.
    """
    try:
        yield
    except TowerError as error:
        details = error.details or {}
        field = str(details.get("field", ""))
        option = options.get(field) or options.get(field.rpartition(".")[2]) or options.get(field.partition(".")[0])
        if option is None or not error.message.startswith(f"Invalid {field}"):
            raise
        renamed = TowerError(error.message.replace(field, option, 1), details=details)
        renamed.code, renamed.status = error.code, error.status
        raise renamed from error


def without_none(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def cleared_if_empty(value: str | None, *, field: str) -> dict[str, str | None]:
    """`{field: value}`; an empty value removes the field's value, and no value leaves it as it is."""
    return {} if value is None else {field: value or None}


def integer_if_whole(number: float | None) -> float | None:
    """The number as it was typed: Typer reads 24 as 24.0."""
    return int(number) if number is not None and number.is_integer() else number
