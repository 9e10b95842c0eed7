"""Three-way merge of the content of one entity, down to the inner fields of objects. Uses no database.

A value that only one side changed is taken from that side. If both changed it, objects merge name by name, set-like
lists merge as sets, other lists as diff3 merges lines, and the caller decides everything else.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Protocol

from tower.names import name_key
from tower.versions.fields import field_specs
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.merge import lists
from tower.versions.values import are_equal, encode_canonical


class _Missing:
    """An absent value, as opposed to null."""

    def __repr__(self) -> str:
        return "missing"


MISSING: Any = _Missing()
FieldPath = tuple[str, ...]


class FieldDecider(Protocol):
    """Decides the value of a field that both sides changed. The values and the result may be MISSING."""

    def __call__(self, path: FieldPath, base: Any, ours: Any, theirs: Any, /) -> Any: ...


def merge_fields(kind: Kind, base: Fields | None, ours: Fields, theirs: Fields, *, decide: FieldDecider) -> Fields:
    """Merge the fields of one entity. `base` is None if both sides created it; then defaults count as unchanged.

    A number that both sides changed keeps its base value, as `numbers` merges all numbers together.
    """
    shape = KIND_SPECS[kind]
    merged = {}
    for name, field in field_specs(kind).items():
        before = base[name] if base is not None else MISSING if field.required else field.default
        values = (before, ours[name], theirs[name])
        if shape.numbered and name == shape.name_field:
            result = _merge_unchanged(*values)
            merged[name] = result[0] if result else ours[name] if base is None else base[name]
        elif name in shape.set_fields:
            merged[name] = _merge_value((name,), *values, decide=decide, as_set=True)
        else:
            merged[name] = _merge_value((name,), *values, decide=decide)
    return merged


def _merge_value(
    path: FieldPath, base: Any, ours: Any, theirs: Any, *, decide: FieldDecider, as_set: bool = False
) -> Any:
    result = _merge_unchanged(base, ours, theirs)
    if result is not None:
        return result[0]
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if base is MISSING or isinstance(base, dict):
            return _merge_objects(path, {} if base is MISSING else base, ours, theirs, decide=decide)
    elif isinstance(ours, list) and isinstance(theirs, list) and (base is MISSING or isinstance(base, list)):
        before = [] if base is MISSING else base
        merged = _merge_sets(before, ours, theirs) if as_set else _merge_lists(before, ours, theirs)
        if merged is not None:
            return merged
    return decide(path, base, ours, theirs)


def _merge_objects(path: FieldPath, base: Fields, ours: Fields, theirs: Fields, *, decide: FieldDecider) -> Fields:
    names = [*ours, *(name for name in theirs if name not in ours), *(name for name in base if name not in ours)]
    merged = {
        name: _merge_value(
            (*path, name),
            base.get(name, MISSING),
            ours.get(name, MISSING),
            theirs.get(name, MISSING),
            decide=decide,
        )
        for name in dict.fromkeys(names)
    }
    return {name: value for name, value in merged.items() if value is not MISSING}


def _merge_lists(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any] | None:
    merged = lists.merge_lists(*([encode_canonical(item) for item in each] for each in (base, ours, theirs)))
    return None if merged is None else [json.loads(item) for item in merged]


def _merge_sets(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any] | None:
    """Merge as sets: kept items in the order of base, then new items sorted. None if both sides changed one item."""
    before, mine, yours = _by_identity(base), _by_identity(ours), _by_identity(theirs)
    if before is None or mine is None or yours is None:
        return None
    kept: list[Any] = []
    added: list[Any] = []
    for name in {**before, **mine, **yours}:
        values = (before.get(name, MISSING), mine.get(name, MISSING), yours.get(name, MISSING))
        item = _merge_unchanged(*values)
        if item is None:
            return None
        if item[0] is not MISSING:
            (kept if name in before else added).append(item[0])
    return kept + sorted(added, key=encode_canonical)


def _merge_unchanged(base: Any, ours: Any, theirs: Any) -> tuple[Any] | None:
    if _is_same(ours, theirs) or _is_same(theirs, base):
        return (ours,)
    return (theirs,) if _is_same(ours, base) else None


def _is_same(left: Any, right: Any) -> bool:
    return left is right or (left is not MISSING and right is not MISSING and are_equal(left, right))


def _by_identity(items: Iterable[Any]) -> Mapping[Hashable, Any] | None:
    """Return items by identity; None if two different items share one."""
    found: dict[Hashable, Any] = {}
    for item in items:
        if not _is_same(found.setdefault(_identity(item), item), item):
            return None
    return found


def _identity(item: Any) -> Hashable:
    """Return the key or name of an item that has one, so that its other fields may change, else its encoding."""
    if isinstance(item, dict):
        for name in ("key", "name"):
            if isinstance(item.get(name), str):
                return name, name_key(item[name])
    return encode_canonical(item)
