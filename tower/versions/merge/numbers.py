"""Merge the numbers of scenes and episodes that both sides changed, by the order that they express.

If the numbers that one side or the other set are unique, they are taken. Otherwise the two orders are merged as lists,
and numbered again: each entity keeps its number or takes the one after its predecessor's. If both sides put something
in the same position, or moved the same entity, the order conflicts. The winner's order is kept then, and an entity that
only the other side has goes right before its successor on that side.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tower.errors import InvalidError
from tower.versions.kinds import KIND_SPECS, Kind
from tower.versions.merge import lists as sequences
from tower.versions.merge.conflicts import ConflictResolver, EntitySides, Strategy
from tower.versions.merge.fields import MISSING
from tower.versions.rows import Changes
from tower.versions.trees import Address

Numbers = dict[uuid.UUID, int]


@dataclass(frozen=True)
class SideNumbers:
    """The numbers of one kind by key in each state, only for entities that exist after the merge."""

    base: Numbers
    ours: Numbers
    theirs: Numbers

    @property
    def present(self) -> set[uuid.UUID]:
        return self.ours.keys() | self.theirs.keys()


def resolve_numbers(
    changes: Changes, kind: Kind, numbers: Numbers, sides: Mapping[Address, EntitySides], *, resolver: ConflictResolver
) -> Numbers:
    """Return the new numbers of entities that need another one than the merge has given them so far.

    `numbers` holds the numbers of all entities of the kind in ours.
    """
    orders = _collect_numbers(changes, kind, numbers, sides)
    if not any(orders.base.get(key) != number for key, number in orders.theirs.items()):
        return {}
    wanted, clashing = _choose_numbers(orders)
    for key in orders.present:
        at = (kind, key)
        given = resolver.resolved_value(
            at, sides.get(at, EntitySides(None, None, None)), (KIND_SPECS[kind].name_field,)
        )
        if given is not MISSING:
            wanted[key] = _parse_number(given, kind)
            clashing.discard(key)
    if clashing or len(set(wanted.values())) < len(wanted):
        wanted = _assign_numbers(_merge_orders(orders, kind, resolver), wanted)
    return {key: number for key, number in wanted.items() if number != _merged_number(changes, (kind, key), numbers)}


def _merged_number(changes: Changes, at: Address, numbers: Numbers) -> int | None:
    after = changes[at][1] if at in changes else None
    return numbers.get(at[1]) if after is None else int(after[KIND_SPECS[at[0]].name_field])


def _collect_numbers(
    changes: Changes, kind: Kind, numbers: Numbers, sides: Mapping[Address, EntitySides]
) -> SideNumbers:
    field = KIND_SPECS[kind].name_field
    base, theirs = dict(numbers), dict(numbers)
    for (of, key), states in sides.items():
        if of == kind:
            for numbers_of, fields in ((base, states.base), (theirs, states.theirs)):
                numbers_of.pop(key, None)
                if fields is not None:
                    numbers_of[key] = fields[field]
    deleted = {key for (of, key), (_, after) in changes.items() if of == kind and after is None}
    deleted |= {key for key in theirs.keys() - numbers.keys() if (kind, key) not in changes}
    remaining = [{key: number for key, number in each.items() if key not in deleted} for each in (numbers, theirs)]
    common = remaining[0].keys() & remaining[1].keys()
    return SideNumbers({key: number for key, number in base.items() if key in common}, remaining[0], remaining[1])


def _choose_numbers(orders: SideNumbers) -> tuple[Numbers, set[uuid.UUID]]:
    """Return the number of each entity, and the keys to which both sides gave different new numbers."""
    wanted, clashing = {}, set()
    for key in orders.present:
        base, ours, theirs = (each.get(key) for each in (orders.base, orders.ours, orders.theirs))
        candidates = {number for number in (ours, theirs) if number is not None}
        if len(candidates) > 1 and base in candidates:
            candidates.discard(base)
        if len(candidates) > 1:
            clashing.add(key)
        wanted[key] = min(number for number in candidates if number is not None)
    return wanted, clashing


def _merge_orders(orders: SideNumbers, kind: Kind, resolver: ConflictResolver) -> list[uuid.UUID]:
    lists = [sorted(each, key=each.__getitem__) for each in (orders.base, orders.ours, orders.theirs)]
    merged = sequences.merge_lists(*lists)
    if merged is not None:
        return merged
    winner = resolver.decide_order(kind, KIND_SPECS[kind].name_field, values=_conflicting_parts(orders, lists))
    if winner == Strategy.THEIRS:
        return _insert_missing(lists[2], lists[1])
    return _insert_missing(lists[1], lists[2])


def _conflicting_parts(orders: SideNumbers, lists: list[list[uuid.UUID]]) -> tuple[object, object, object]:
    """Return the conflicting parts in each state as [{key, number}]; all that moved, if no part conflicts."""
    parts = [part for part in sequences.split_hunks(*lists) if part.merge() is None]
    if not parts:
        parts = [part for part in sequences.split_hunks(*lists) if not part.base == part.ours == part.theirs]
    return (
        _numbers_json((key for part in parts for key in part.base), orders.base),
        _numbers_json((key for part in parts for key in part.ours), orders.ours),
        _numbers_json((key for part in parts for key in part.theirs), orders.theirs),
    )


def _numbers_json(keys: Iterable[uuid.UUID], numbers: Numbers) -> list[dict[str, object]]:
    return [{"key": str(key), "number": numbers[key]} for key in keys]


def _insert_missing(winner: list[uuid.UUID], other: list[uuid.UUID]) -> list[uuid.UUID]:
    """Return the winner's order, with the other side's own entities inserted before their successors there."""
    in_winner = set(winner)
    before: dict[uuid.UUID, list[uuid.UUID]] = {}
    waiting: list[uuid.UUID] = []
    for key in other:
        if key in in_winner:
            before[key], waiting = waiting, []
        else:
            waiting.append(key)
    return [*(key for common in winner for key in (*before.get(common, ()), common)), *waiting]


def _assign_numbers(order: list[uuid.UUID], wanted: Numbers) -> Numbers:
    """Assign rising numbers: the wanted one, unless a later entity wants a lower one or the predecessor has it."""
    least: list[int] = []
    for key in reversed(order):
        least.append(min(wanted[key], least[-1]) if least else wanted[key])
    numbers: Numbers = {}
    last = 0
    for key, number in zip(order, reversed(least), strict=True):
        last = numbers[key] = max(last + 1, number)
    return numbers


def _parse_number(given: object, kind: Kind) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given < 2**63:
        raise InvalidError.field(f"resolutions.{kind.value}", given, "a whole number from 1")
    return given
