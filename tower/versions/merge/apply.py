"""Merge a state into the head of a branch over a base. Merges and reverts share this."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tower.errors import InvalidError
from tower.versions import heads
from tower.versions.fields import checked, whole
from tower.versions.heads import Head
from tower.versions.kinds import SHAPES, Kind
from tower.versions.merge import numbers as numbering
from tower.versions.merge.conflicts import Resolver, Sides
from tower.versions.merge.fields import Path
from tower.versions.merge.names import Names
from tower.versions.merge.trees import Combined, combine
from tower.versions.references import MENTIONED, mentions, referrers, rewritten
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import escaped

Replaced = dict[Address, uuid.UUID | None]


@dataclass(frozen=True)
class Trees:
    base: str
    ours: str
    theirs: str


def join(session: Session, head: Head, states: Trees, *, resolver: Resolver) -> Changes:
    """Return the changes to the head that bring in the difference from base to theirs.

    Open conflicts are collected in `resolver.conflicts`.
    """

    def settle(at: Address, sides: Sides, path: Path, values: tuple[Any, Any, Any]) -> Any:
        return resolver.decide(at, sides, path, values=values)

    combined = combine(head.objects, states.base, states.ours, states.theirs, settle=settle)
    changes, sides = combined.changes, combined.sides
    _check_resolved_values(changes, resolver)
    replaced = _resolve_deletes(session, head, states, combined, resolver=resolver)
    for kind, shape in SHAPES.items():
        if shape.unique and not shape.numbered and any(at[0] == kind for at in changes):
            replaced |= Names(kind, _load_names(session, head, kind), sides, changes).settle(resolver)
    _rewrite_references(session, head, changes, replaced)
    for kind, shape in SHAPES.items():
        if shape.numbered and _changes_order(kind, combined):
            numbers = numbering.settle_numbers(
                changes, kind, _load_names(session, head, kind), sides, resolver=resolver
            )
            _renumber(head, changes, kind, numbers)
    _check_resolved_values(changes, resolver)
    return changes


def _load_names(session: Session, head: Head, kind: Kind) -> dict[uuid.UUID, Any]:
    """Return the names or numbers of all entities of a kind, from the rows: they match the head and are faster."""
    row: Any = SHAPES[kind].row
    column = getattr(row, SHAPES[kind].named_by)
    found = session.execute(select(row.key, column).where(row.branch_id == head.branch.id))
    return {row.key: row[1] for row in found}


def _resolve_deletes(
    session: Session, head: Head, states: Trees, combined: Combined, *, resolver: Resolver
) -> Replaced:
    """Resolve deletes of entities to which the other side has added a reference, like any other conflict.

    Entities to keep are put back into the changes. Returns those that stay deleted.
    """
    changes, sides = combined.changes, combined.sides
    deleted = {at for at, (_, after) in changes.items() if after is None and at[0] in MENTIONED}
    affected = heads.contents(head, states.ours, referrers(session, head.branch.id, deleted) - changes.keys())
    users = [(at, after) for at, (_, after) in changes.items()] + list(affected.items())
    referenced = {mentioned for at, fields in users if fields for mentioned in mentions(at[0], fields)}
    targets = heads.contents(head, states.ours, referenced - changes.keys())
    missing = {at for at, fields in targets.items() if fields is None} | (referenced & deleted)
    deletes: Replaced = {}
    for at in sorted(missing):
        if at not in sides:  # only a value from `resolutions` can refer to an unknown entity
            raise InvalidError.field("resolutions", str(at[1]), f"the key of one of the {at[0].value} on the branch")
        states_of_entity = sides[at]
        resolved = resolver.decide(
            at, states_of_entity, (), values=(states_of_entity.base, states_of_entity.ours, states_of_entity.theirs)
        )
        changes[at] = (states_of_entity.ours, resolved)
        if resolved is None:
            deletes[at] = None
    return deletes


def _rewrite_references(session: Session, head: Head, changes: Changes, replaced: Replaced) -> None:
    if not replaced:
        return
    affected = referrers(session, head.branch.id, replaced) - changes.keys()
    changes |= {at: (fields, fields) for at, fields in heads.contents(head, head.commit.tree_hash, affected).items()}
    for at, (before, after) in list(changes.items()):
        if after is not None:
            changes[at] = (before, rewritten(at[0], after, replaced))


def _changes_order(kind: Kind, combined: Combined) -> bool:
    """Whether the merge adds or renumbers an entity in ours."""
    field = SHAPES[kind].named_by
    incoming = [three for at, three in combined.sides.items() if at[0] == kind and three.theirs is not None]
    re_added = any(at[0] == kind and before is None and after for at, (before, after) in combined.changes.items())
    return re_added or any(
        three.base is None or three.base[field] != three.theirs[field] for three in incoming if three.theirs
    )


def _renumber(head: Head, changes: Changes, kind: Kind, numbers: Mapping[uuid.UUID, int]) -> None:
    field = SHAPES[kind].named_by
    others = heads.contents(head, head.commit.tree_hash, [(kind, key) for key in numbers if (kind, key) not in changes])
    for key, number in numbers.items():
        before, after = changes.get((kind, key)) or (others[kind, key], others[kind, key])
        if after is not None:
            changes[kind, key] = (before, {**after, field: number})


def _check_resolved_values(changes: Changes, resolver: Resolver) -> None:
    """Validate values given by resolutions like those of an edit. Raises InvalidError."""
    for at in resolver.valued:
        before, after = changes[at]
        if after is not None:
            path = "/".join((at[0].value, escaped(str(after.get(SHAPES[at[0]].named_by, at[1])))))
            changes[at] = (before, whole(at[0], checked(at[0], after, path), path))
