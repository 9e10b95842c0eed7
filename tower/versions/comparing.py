"""Compare two states of entities field by field."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tower.versions.kinds import KIND_SPECS, Kind, entity_label
from tower.versions.rows import Changes
from tower.versions.values import are_equal, escape_path_part


class ChangeType(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class FieldChange:
    """A field before and after; None where it is absent. `path` is `field` or, inside an object, `field/inner`."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class EntityChange:
    """A changed entity. `label` is its name or number after the change, or before it if the entity was removed."""

    kind: Kind
    key: uuid.UUID
    label: str
    change: ChangeType
    fields: tuple[FieldChange, ...]


def describe_changes(changes: Changes) -> list[EntityChange]:
    """Return the changes ordered by kind, then number or name."""
    found = [
        EntityChange(
            kind,
            key,
            entity_label(kind, after or before or {}),
            change_type_of(before, after),
            _field_changes(before, after),
        )
        for (kind, key), (before, after) in changes.items()
        if not are_equal(before, after)
    ]
    kinds = list(Kind)
    return sorted(found, key=lambda change: (kinds.index(change.kind), _sort_key(change), change.key))


def change_type_of(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> ChangeType:
    if before is None:
        return ChangeType.ADDED
    return ChangeType.REMOVED if after is None else ChangeType.CHANGED


def _sort_key(change: EntityChange) -> tuple[int, str]:
    return (int(change.label), "") if KIND_SPECS[change.kind].numbered else (0, change.label)


def _field_changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[FieldChange, ...]:
    return tuple(_compare_fields(before or {}, after or {}, ""))


def _compare_fields(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[FieldChange]:
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        path = prefix + escape_path_part(name)
        if are_equal(old, new) and (name in before) == (name in after):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _compare_fields(old, new, f"{path}/")
        else:
            yield FieldChange(path, old, new)
