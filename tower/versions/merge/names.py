"""Names that are unique on a branch, when each side gave one of them to a thing of its own."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from tower.errors import InvalidError
from tower.versions.kinds import SHAPES, Fields, Kind
from tower.versions.merge.conflicts import Resolver, Sides
from tower.versions.merge.fields import MISSING
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import escaped, same


@dataclass
class Names:
    """The things of one kind in a merge. `ours`: the names of all of them in ours, by key."""

    kind: Kind
    ours: Mapping[uuid.UUID, str]
    sides: Mapping[Address, Sides]
    changes: Changes

    def settle(self, resolver: Resolver) -> dict[Address, uuid.UUID | None]:
        """Leave no name twice in `changes`; the answer says which entity gave way to which.

        Two things of one name are in dispute. If who loses is new it is left out, and the other stands for it where
        it is mentioned; if it was there before it goes back to the name that it had, with a number behind it if that
        is taken. Two new ones that are the same but for their keys become one. A resolution for `kind/KEY/name` keeps
        both.
        """
        self._rename(resolver)
        replaced: dict[Address, uuid.UUID | None] = {}
        for pair in self._clashes():
            loser, winner = self._judged(pair, resolver)
            fields, base = self._merged(loser), self.sides[loser].base
            if base is None:
                self._set(loser, None)
                replaced[loser] = winner[1]
            else:
                self._set(loser, {**fields, self._field: self._free(str(base[self._field]))})
        return replaced

    @property
    def _field(self) -> str:
        return SHAPES[self.kind].named_by

    def _rename(self, resolver: Resolver) -> None:
        for at in (at for at in resolver.valued if at[0] == self.kind and self.changes[at][1]):
            name = self._merged(at)[self._field]
            if len(self._holders()[str(name).lower()]) > 1:
                raise InvalidError.field(f"resolutions.{self.kind.value}", name, "a name that nobody has")
        for pair in self._clashes():
            for at in pair:
                name = resolver.value(at, Sides(None, None, None), (self._field,))
                if name is MISSING:
                    continue
                if not isinstance(name, str) or self._free(name) != name:
                    path = f"resolutions.{self.kind.value}/{at[1]}/{self._field}"
                    raise InvalidError.field(path, name, "a name that nobody has")
                resolver.valued.add(at)
                self._set(at, {**self._merged(at), self._field: name})

    def _free(self, name: str) -> str:
        """`name`, or that with the first number behind it that nobody has: `Kai (2)`."""
        taken = self._holders().keys()
        numbered = (f"{name[: 100 - len(end)]}{end}" for end in (f" ({number})" for number in count(2)))
        return name if name.lower() not in taken else next(one for one in numbered if one.lower() not in taken)

    def _clashes(self) -> list[tuple[Address, Address]]:
        """(the one of ours, the one of theirs) that would have the same name."""
        found = []
        for name, several in sorted(self._holders().items()):
            if len(several) > 1:
                first, second = sorted(several, key=lambda at: (self.ours.get(at[1], "").lower() != name, at[1]))
                found.append((first, second))
        return found

    def _holders(self) -> Mapping[str, list[Address]]:
        """Who would have each name, in lower case. Two at most: names are unique on either side."""
        merged = {(self.kind, key): name for key, name in self.ours.items()}
        for at, (_, after) in self.changes.items():
            if at[0] == self.kind:
                merged.pop(at, None)
                if after is not None:
                    merged[at] = after[self._field]
        holders: dict[str, list[Address]] = defaultdict(list)
        for at, name in merged.items():
            holders[str(name).lower()].append(at)
        return holders

    def _judged(self, pair: tuple[Address, Address], resolver: Resolver) -> tuple[Address, Address]:
        """(who gives way, who keeps the name)"""
        ours, theirs = pair
        mine, yours = self._merged(ours), self._merged(theirs)
        if self.sides[ours].base is None and self.sides[theirs].base is None and same(mine, yours):
            return theirs, ours
        answer = resolver.decide(ours, Sides(None, mine, yours), (), values=(None, mine, yours))
        if answer is not mine and answer is not yours:
            path = f"resolutions.{self.kind.value}/{escaped(str(mine[self._field]))}"
            raise InvalidError.field(path, answer, f"ours or theirs, or a name for {self.kind.value}/KEY/name")
        return (theirs, ours) if answer is mine else (ours, theirs)

    def _merged(self, at: Address) -> Fields:
        fields = self.changes[at][1] if at in self.changes else self.sides[at].ours
        if fields is None:
            raise KeyError(at)
        return fields

    def _set(self, at: Address, fields: Fields | None) -> None:
        self.changes[at] = (self.sides[at].ours, fields)
