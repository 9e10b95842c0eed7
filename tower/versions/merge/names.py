"""Resolve clashes of unique names, where each side gave the same name to a different entity."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from tower.errors import InvalidError
from tower.names import name_key
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.merge.conflicts import ConflictResolver, EntitySides
from tower.versions.merge.fields import MISSING
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import are_equal, escape_path_part


@dataclass
class NameMerge:
    """The entities of one kind in a merge. `ours` holds the names of all of them in ours, by key."""

    kind: Kind
    ours: Mapping[uuid.UUID, str]
    sides: Mapping[Address, EntitySides]
    changes: Changes

    def resolve_names(self, resolver: ConflictResolver) -> dict[Address, uuid.UUID | None]:
        """Make the names in `changes` unique. Returns the key of the winner for each entity that is dropped.

        Two entities with one name conflict. A new entity that loses is dropped, and references to it go to the winner.
        An existing one that loses gets back its old name, with a number appended if that name is taken. Two new
        entities that differ only in their keys become one. A resolution for `kind/KEY/name` keeps both.
        """
        self._apply_given_names(resolver)
        replaced: dict[Address, uuid.UUID | None] = {}
        for pair in self._find_clashes():
            loser, winner = self._decide_winner(pair, resolver)
            fields, base = self._merged_fields(loser), self.sides[loser].base
            if base is None:
                self._set_change(loser, None)
                replaced[loser] = winner[1]
            else:
                self._set_change(loser, {**fields, self._name_field: self._free_name(str(base[self._name_field]))})
        return replaced

    @property
    def _name_field(self) -> str:
        return KIND_SPECS[self.kind].name_field

    def _apply_given_names(self, resolver: ConflictResolver) -> None:
        for at in (at for at in resolver.resolved_by_value if at[0] == self.kind and self.changes[at][1]):
            name = self._merged_fields(at)[self._name_field]
            if len(self._entities_by_name()[name_key(str(name))]) > 1:
                raise InvalidError.field(f"resolutions.{self.kind.value}", name, "a name that is not taken")
        for pair in self._find_clashes():
            for at in pair:
                name = resolver.resolved_value(at, EntitySides(None, None, None), (self._name_field,))
                if name is MISSING:
                    continue
                if not isinstance(name, str) or self._free_name(name) != name:
                    path = f"resolutions.{self.kind.value}/{at[1]}/{self._name_field}"
                    raise InvalidError.field(path, name, "a name that is not taken")
                resolver.resolved_by_value.add(at)
                self._set_change(at, {**self._merged_fields(at), self._name_field: name})

    def _free_name(self, name: str) -> str:
        """Return `name`, or if it is taken, `name` with the first free number appended: `Kai (2)`."""
        taken = self._entities_by_name().keys()
        numbered = (f"{name[: 100 - len(end)]}{end}" for end in (f" ({number})" for number in count(2)))
        return (
            name
            if name_key(name) not in taken
            else next(candidate for candidate in numbered if name_key(candidate) not in taken)
        )

    def _find_clashes(self) -> list[tuple[Address, Address]]:
        """Return pairs (entity of ours, entity of theirs) that would have the same name."""
        found = []
        for name, several in sorted(self._entities_by_name().items()):
            if len(several) > 1:
                first, second = sorted(several, key=lambda at: (name_key(self.ours.get(at[1], "")) != name, at[1]))[:2]
                if not self._shared_name_before(first, second):
                    found.append((first, second))
        return found

    def _shared_name_before(self, first: Address, second: Address) -> bool:
        """Whether the two have one name on one of the sides, which older versions of Tower allowed."""
        on_ours = {name_key(self.ours.get(at[1], "")) for at in (first, second)}
        on_theirs = {self._key_on_theirs(first), self._key_on_theirs(second)}
        return (len(on_ours) == 1 and "" not in on_ours) or (len(on_theirs) == 1 and "" not in on_theirs)

    def _key_on_theirs(self, at: Address) -> str:
        if at not in self.sides:
            return name_key(self.ours.get(at[1], ""))
        theirs = self.sides[at].theirs
        return "" if theirs is None else name_key(str(theirs[self._name_field]))

    def _entities_by_name(self) -> Mapping[str, list[Address]]:
        """Return the entities by the key of their name. It has at most two, as names are unique on either side."""
        merged = {(self.kind, key): name for key, name in self.ours.items()}
        for at, (_, after) in self.changes.items():
            if at[0] == self.kind:
                merged.pop(at, None)
                if after is not None:
                    merged[at] = after[self._name_field]
        holders: dict[str, list[Address]] = defaultdict(list)
        for at, name in merged.items():
            holders[name_key(str(name))].append(at)
        return holders

    def _decide_winner(self, pair: tuple[Address, Address], resolver: ConflictResolver) -> tuple[Address, Address]:
        """Return (loser, winner) of a clash."""
        ours, theirs = pair
        mine, yours = self._merged_fields(ours), self._merged_fields(theirs)
        if self.sides[ours].base is None and self.sides[theirs].base is None and are_equal(mine, yours):
            return theirs, ours
        answer = resolver.decide(ours, EntitySides(None, mine, yours), (), values=(None, mine, yours))
        if answer is not mine and answer is not yours:
            path = f"resolutions.{self.kind.value}/{escape_path_part(str(mine[self._name_field]))}"
            raise InvalidError.field(path, answer, f"ours or theirs, or a name for {self.kind.value}/KEY/name")
        return (theirs, ours) if answer is mine else (ours, theirs)

    def _merged_fields(self, at: Address) -> Fields:
        fields = self.changes[at][1] if at in self.changes else self.sides[at].ours
        if fields is None:
            raise KeyError(at)
        return fields

    def _set_change(self, at: Address, fields: Fields | None) -> None:
        self.changes[at] = (self.sides[at].ours, fields)
