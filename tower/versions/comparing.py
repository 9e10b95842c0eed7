"""Two states of entities side by side, field by field."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tower.versions.kinds import SHAPES, Kind, label
from tower.versions.rows import Changes
from tower.versions.values import escaped, same


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class FieldChange:
    """A field before and after; None where it was not there. `path` is `field` or, inside objects, `field/inner`."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class EntityChange:
    """`label` is what people call it: its name or number, as it is after (before, if it was removed)."""

    kind: Kind
    key: uuid.UUID
    label: str
    change: Change
    fields: tuple[FieldChange, ...]


def described(changes: Changes) -> list[EntityChange]:
    """The changes in the order of kinds, then numbers or names."""
    found = [
        EntityChange(kind, key, label(kind, after or before or {}), change_of(before, after), _fields(before, after))
        for (kind, key), (before, after) in changes.items()
        if not same(before, after)
    ]
    kinds = list(Kind)
    return sorted(found, key=lambda one: (kinds.index(one.kind), _order(one), one.key))


def change_of(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Change:
    if before is None:
        return Change.ADDED
    return Change.REMOVED if after is None else Change.CHANGED


def _order(one: EntityChange) -> tuple[int, str]:
    return (int(one.label), "") if SHAPES[one.kind].numbered else (0, one.label)


def _fields(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[FieldChange, ...]:
    return tuple(_compared(before or {}, after or {}, ""))


def _compared(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[FieldChange]:
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        path = prefix + escaped(name)
        if same(old, new) and (name in before) == (name in after):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _compared(old, new, f"{path}/")
        else:
            yield FieldChange(path, old, new)
