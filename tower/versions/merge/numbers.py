"""The numbers of scenes and episodes, when both sides changed them: they are merged as the order that they stand for.

Where each number can stand as one side gave it and none is there twice, it does. Else the two orders are merged as
lists are, and numbered anew: each keeps its number or takes the next one behind the one before it. If both sides put
something in the same place, or moved the same thing, the order is in dispute. Who wins keeps its order; what only the
other side has comes right before what it came before there.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tower.errors import InvalidError
from tower.versions.kinds import SHAPES, Kind
from tower.versions.merge import lists as sequences
from tower.versions.merge.conflicts import Resolver, Sides, Strategy
from tower.versions.merge.fields import MISSING
from tower.versions.rows import Changes
from tower.versions.trees import Address

Numbers = dict[uuid.UUID, int]


@dataclass(frozen=True)
class Orders:
    """The numbers of one kind by key, on every side, of what is there after the merge only."""

    base: Numbers
    ours: Numbers
    theirs: Numbers

    @property
    def present(self) -> set[uuid.UUID]:
        return self.ours.keys() | self.theirs.keys()


def settle_numbers(
    changes: Changes, kind: Kind, numbers: Numbers, sides: Mapping[Address, Sides], *, resolver: Resolver
) -> Numbers:
    """The new number of everything that must have another one than the merge gave it so far.

    `numbers`: those of all of the kind in ours.
    """
    orders = _orders(changes, kind, numbers, sides)
    if not any(orders.base.get(key) != number for key, number in orders.theirs.items()):
        return {}
    wanted, clashing = _wanted(orders)
    for key in orders.present:
        at = (kind, key)
        given = resolver.value(at, sides.get(at, Sides(None, None, None)), (SHAPES[kind].named_by,))
        if given is not MISSING:
            wanted[key] = _number(given, kind)
            clashing.discard(key)
    if clashing or len(set(wanted.values())) < len(wanted):
        wanted = _numbered(_order(orders, kind, resolver), wanted)
    return {key: number for key, number in wanted.items() if number != _merged(changes, (kind, key), numbers)}


def _merged(changes: Changes, at: Address, numbers: Numbers) -> int | None:
    after = changes[at][1] if at in changes else None
    return numbers.get(at[1]) if after is None else int(after[SHAPES[at[0]].named_by])


def _orders(changes: Changes, kind: Kind, numbers: Numbers, sides: Mapping[Address, Sides]) -> Orders:
    field = SHAPES[kind].named_by
    base, theirs = dict(numbers), dict(numbers)
    for (of, key), three in sides.items():
        if of == kind:
            for numbers_of, fields in ((base, three.base), (theirs, three.theirs)):
                numbers_of.pop(key, None)
                if fields is not None:
                    numbers_of[key] = fields[field]
    gone = {key for (of, key), (_, after) in changes.items() if of == kind and after is None}
    gone |= {key for key in theirs.keys() - numbers.keys() if (kind, key) not in changes}
    left = [{key: number for key, number in each.items() if key not in gone} for each in (numbers, theirs)]
    both = left[0].keys() & left[1].keys()
    return Orders({key: number for key, number in base.items() if key in both}, left[0], left[1])


def _wanted(orders: Orders) -> tuple[Numbers, set[uuid.UUID]]:
    """The number of each as one side gave it, and those to which both gave another."""
    wanted, clashing = {}, set()
    for key in orders.present:
        base, ours, theirs = (each.get(key) for each in (orders.base, orders.ours, orders.theirs))
        given = {number for number in (ours, theirs) if number is not None}
        if len(given) > 1 and base in given:
            given.discard(base)
        if len(given) > 1:
            clashing.add(key)
        wanted[key] = min(number for number in given if number is not None)
    return wanted, clashing


def _order(orders: Orders, kind: Kind, resolver: Resolver) -> list[uuid.UUID]:
    lists = [sorted(each, key=each.__getitem__) for each in (orders.base, orders.ours, orders.theirs)]
    merged = sequences.merged(*lists)
    if merged is not None:
        return merged
    winner = resolver.side(kind, SHAPES[kind].named_by, shown=_disputed(orders, lists))
    if winner == Strategy.THEIRS:
        return _inserted(lists[2], lists[1])
    return _inserted(lists[1], lists[2])


def _disputed(orders: Orders, lists: list[list[uuid.UUID]]) -> tuple[object, object, object]:
    """What stands in the disputed stretches on each side: [{key, number}]; all that moved, if none is disputed."""
    parts = [part for part in sequences.stretches(*lists) if part.settled() is None]
    if not parts:
        parts = [part for part in sequences.stretches(*lists) if not part.base == part.ours == part.theirs]
    return (
        _shown((key for part in parts for key in part.base), orders.base),
        _shown((key for part in parts for key in part.ours), orders.ours),
        _shown((key for part in parts for key in part.theirs), orders.theirs),
    )


def _shown(keys: Iterable[uuid.UUID], numbers: Numbers) -> list[dict[str, object]]:
    return [{"key": str(key), "number": numbers[key]} for key in keys]


def _inserted(winner: list[uuid.UUID], other: list[uuid.UUID]) -> list[uuid.UUID]:
    """The winner's order, and before each what only the other side has before it."""
    there = set(winner)
    before: dict[uuid.UUID, list[uuid.UUID]] = {}
    waiting: list[uuid.UUID] = []
    for key in other:
        if key in there:
            before[key], waiting = waiting, []
        else:
            waiting.append(key)
    return [*(key for common in winner for key in (*before.get(common, ()), common)), *waiting]


def _numbered(order: list[uuid.UUID], wanted: Numbers) -> Numbers:
    """Rising numbers: the wanted one, unless one further on wants less or the one before has it."""
    least: list[int] = []
    for key in reversed(order):
        least.append(min(wanted[key], least[-1]) if least else wanted[key])
    numbers: Numbers = {}
    last = 0
    for key, number in zip(order, reversed(least), strict=True):
        last = numbers[key] = max(last + 1, number)
    return numbers


def _number(given: object, kind: Kind) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given < 2**63:
        raise InvalidError.field(f"resolutions.{kind.value}", given, "a whole number from 1")
    return given
