"""Merge conflicts, and their resolution by a request."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tower.errors import InvalidError
from tower.versions.kinds import Fields, Kind, entity_label
from tower.versions.merge.fields import MISSING, FieldPath
from tower.versions.trees import Address
from tower.versions.values import canonicalise, escape_path_part


class Strategy(StrEnum):
    """The side that wins a conflict: OURS is the target, THEIRS the source."""

    OURS = "ours"
    THEIRS = "theirs"


@dataclass(frozen=True)
class MergeConflict:
    """`path` is `kind/name`, `kind/name/field` or deeper; base, ours and theirs are None where the value is absent.

    `key` is None if the conflict is about the order of a whole kind (`scenes/scene_number`).
    """

    path: str
    kind: Kind
    key: uuid.UUID | None
    base: Any
    ours: Any
    theirs: Any

    def as_json(self) -> dict[str, Any]:
        key = None if self.key is None else str(self.key)
        return {"path": self.path, "key": key, "base": self.base, "ours": self.ours, "theirs": self.theirs}


@dataclass(frozen=True)
class EntitySides:
    """One entity in all three states; None where it is absent."""

    base: Fields | None
    ours: Fields | None
    theirs: Fields | None


@dataclass
class ConflictResolver:
    """Resolves conflicts by `resolutions`, else by `strategy`, and collects the remaining ones in `conflicts`.

    A path may contain the entity's name or number on either side, or its key. "ours" or "theirs" for the path of an
    entity or object applies to everything inside.
    """

    strategy: Strategy | None = None
    resolutions: Mapping[str, Any] = field(default_factory=dict)
    conflicts: list[MergeConflict] = field(default_factory=list)
    resolved_by_value: set[Address] = field(default_factory=set)  # entities that got a value from `resolutions`
    _used: set[str] = field(default_factory=set)

    def decide(self, at: Address, sides: EntitySides, path: FieldPath, *, values: tuple[Any, Any, Any]) -> Any:
        """Return the merged value of the field at `path` of an entity; `values` are base, ours and theirs.

        An open conflict yields a value that exists on one side, so that dependent checks can go on.
        """
        _, ours, theirs = values
        paths = ["/".join(map(escape_path_part, (at[0].value, name, *path))) for name in _entity_names(at, sides)]
        answer = self._find_answer(paths)
        if answer is None:
            self.conflicts.append(
                MergeConflict(paths[0], *at, *(None if value is MISSING else value for value in values))
            )
            return ours if ours is not MISSING and ours is not None else theirs
        match answer[0]:
            case Strategy.OURS:
                return ours
            case Strategy.THEIRS:
                return theirs
        self.resolved_by_value.add(at)
        return canonicalise(answer[0], paths[0])

    def decide_order(self, kind: Kind, path: str, *, values: tuple[Any, Any, Any]) -> Strategy | None:
        """Return the side that decides the order of a kind; None if undecided, which adds a conflict."""
        full = f"{kind.value}/{path}"
        answer = self._find_answer([full])
        if answer is None:
            self.conflicts.append(MergeConflict(full, kind, None, *values))
            return None
        if not isinstance(answer[0], Strategy):
            raise InvalidError.field(
                f"resolutions.{full}", answer[0], "ours or theirs, or numbers under the paths of entities"
            )
        return answer[0]

    def resolved_value(self, at: Address, sides: EntitySides, path: FieldPath) -> Any:
        """Return the value that `resolutions` gives for exactly this field; MISSING if there is none."""
        for name in _entity_names(at, sides) if self.resolutions else ():
            full = "/".join(map(escape_path_part, (at[0].value, name, *path)))
            if full in self.resolutions and _parse_side(self.resolutions[full]) is None:
                self._used.add(full)
                return canonicalise(self.resolutions[full], full)
        return MISSING

    def collect_conflicts(self) -> tuple[MergeConflict, ...]:
        """Return the open conflicts, each with a unique path.

        Raises InvalidError if a resolution matches no conflict.
        """
        if unused := self.resolutions.keys() - self._used:
            raise InvalidError.field("resolutions", sorted(unused), "paths of conflicts of this merge")
        seen: set[str] = set()
        found = []
        for conflict in self.conflicts:
            path = conflict.path
            if path in seen and conflict.key is not None:
                kind, _, *rest = path.split("/")
                path = "/".join((kind, str(conflict.key), *rest))
            seen.add(path)
            found.append(replace(conflict, path=path))
        return tuple(found)

    def _find_answer(self, paths: list[str]) -> tuple[Any] | None:
        for path in paths:
            if path in self.resolutions:
                self._used.add(path)
                return (_parse_side(self.resolutions[path]) or self.resolutions[path],)
        for path in paths:
            parts = path.split("/")
            for length in range(len(parts) - 1, 1, -1):
                above = "/".join(parts[:length])
                if side := _parse_side(self.resolutions.get(above)):
                    self._used.add(above)
                    return (side,)
        return (self.strategy,) if self.strategy else None


def _parse_side(value: Any) -> Strategy | None:
    return Strategy(value) if isinstance(value, str) and value in set(Strategy) else None


def _entity_names(at: Address, sides: EntitySides) -> list[str]:
    existing = [fields for fields in (sides.ours, sides.theirs, sides.base) if fields]
    return list(dict.fromkeys([*(entity_label(at[0], fields) for fields in existing), str(at[1])]))
