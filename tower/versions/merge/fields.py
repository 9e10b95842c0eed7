"""The content of one entity merged three-way, down to the inner fields of objects. Knows no database.

A value that one side left alone is taken from the other. Where both changed it: objects merge name by name, set-like
lists as sets, other lists as diff3 merges lines, everything else is decided by the caller.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Protocol

from tower.versions.fields import fields_of
from tower.versions.kinds import SHAPES, Fields, Kind
from tower.versions.merge import lists
from tower.versions.values import encoded, same


class _Missing:
    """Not there at all, which is not null."""

    def __repr__(self) -> str:
        return "missing"


MISSING: Any = _Missing()
Path = tuple[str, ...]


class Decide(Protocol):
    """Says what a field becomes that both sides changed; any of the values may be MISSING, the answer too."""

    def __call__(self, path: Path, base: Any, ours: Any, theirs: Any, /) -> Any: ...


def merge_fields(kind: Kind, base: Fields | None, ours: Fields, theirs: Fields, *, decide: Decide) -> Fields:
    """`base` is None if both sides created it: then what either left at its default it did not set.

    A number that both changed stays as it was: `numbering` looks at all numbers together.
    """
    shape = SHAPES[kind]
    merged = {}
    for name, field in fields_of(kind).items():
        before = base[name] if base is not None else MISSING if field.required else field.default
        values = (before, ours[name], theirs[name])
        if shape.numbered and name == shape.named_by:
            settled = _settled(*values)
            merged[name] = settled[0] if settled else ours[name] if base is None else base[name]
        elif name in shape.sets:
            merged[name] = _one((name,), *values, decide=decide, as_set=True)
        else:
            merged[name] = _one((name,), *values, decide=decide)
    return merged


def _one(path: Path, base: Any, ours: Any, theirs: Any, *, decide: Decide, as_set: bool = False) -> Any:
    settled = _settled(base, ours, theirs)
    if settled is not None:
        return settled[0]
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if base is MISSING or isinstance(base, dict):
            return _object(path, {} if base is MISSING else base, ours, theirs, decide=decide)
    elif isinstance(ours, list) and isinstance(theirs, list) and (base is MISSING or isinstance(base, list)):
        before = [] if base is MISSING else base
        merged = _set(before, ours, theirs) if as_set else _list(before, ours, theirs)
        if merged is not None:
            return merged
    return decide(path, base, ours, theirs)


def _object(path: Path, base: Fields, ours: Fields, theirs: Fields, *, decide: Decide) -> Fields:
    names = [*ours, *(name for name in theirs if name not in ours), *(name for name in base if name not in ours)]
    merged = {
        name: _one(
            (*path, name),
            base.get(name, MISSING),
            ours.get(name, MISSING),
            theirs.get(name, MISSING),
            decide=decide,
        )
        for name in dict.fromkeys(names)
    }
    return {name: value for name, value in merged.items() if value is not MISSING}


def _list(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any] | None:
    merged = lists.merged(*([encoded(item) for item in each] for each in (base, ours, theirs)))
    return None if merged is None else [json.loads(item) for item in merged]


def _set(base: list[Any], ours: list[Any], theirs: list[Any]) -> list[Any] | None:
    """What stays in the order of base, what is new sorted behind it. None if both changed one item."""
    before, mine, yours = _by_identity(base), _by_identity(ours), _by_identity(theirs)
    if before is None or mine is None or yours is None:
        return None
    kept: list[Any] = []
    added: list[Any] = []
    for name in {**before, **mine, **yours}:
        values = (before.get(name, MISSING), mine.get(name, MISSING), yours.get(name, MISSING))
        item = _settled(*values)
        if item is None:
            return None
        if item[0] is not MISSING:
            (kept if name in before else added).append(item[0])
    return kept + sorted(added, key=encoded)


def _settled(base: Any, ours: Any, theirs: Any) -> tuple[Any] | None:
    if _same(ours, theirs) or _same(theirs, base):
        return (ours,)
    return (theirs,) if _same(ours, base) else None


def _same(left: Any, right: Any) -> bool:
    return left is right or (left is not MISSING and right is not MISSING and same(left, right))


def _by_identity(items: Iterable[Any]) -> Mapping[Hashable, Any] | None:
    """None if two different items have one identity."""
    found: dict[Hashable, Any] = {}
    for item in items:
        if not _same(found.setdefault(_identity(item), item), item):
            return None
    return found


def _identity(item: Any) -> Hashable:
    """An item with a key or a name is the same one whatever else in it changes."""
    if isinstance(item, dict):
        for name in ("key", "name"):
            if isinstance(item.get(name), str):
                return name, item[name].lower()
    return encoded(item)
