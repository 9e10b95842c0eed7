"""A state brought into the head of a branch over a base: what a merge and a revert have in common."""

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
    """What the head must change to hold what came from base to theirs. `resolver.conflicts` says if that is open."""

    def settle(at: Address, sides: Sides, path: Path, values: tuple[Any, Any, Any]) -> Any:
        return resolver.decide(at, sides, path, values=values)

    combined = combine(head.objects, states.base, states.ours, states.theirs, settle=settle)
    changes, sides = combined.changes, combined.sides
    _check(changes, resolver)
    replaced = _mention_deletes(session, head, states, combined, resolver=resolver)
    for kind, shape in SHAPES.items():
        if shape.unique and not shape.numbered and any(at[0] == kind for at in changes):
            replaced |= Names(kind, _named(session, head, kind), sides, changes).settle(resolver)
    _rewrite_mentions(session, head, changes, replaced)
    for kind, shape in SHAPES.items():
        if shape.numbered and _reordered(kind, combined):
            numbers = numbering.settle_numbers(changes, kind, _named(session, head, kind), sides, resolver=resolver)
            _renumber(head, changes, kind, numbers)
    _check(changes, resolver)
    return changes


def _named(session: Session, head: Head, kind: Kind) -> dict[uuid.UUID, Any]:
    """The names or numbers of all of a kind on the branch. Its rows are its head's tree, and quicker to ask."""
    row: Any = SHAPES[kind].row
    column = getattr(row, SHAPES[kind].named_by)
    found = session.execute(select(row.key, column).where(row.branch_id == head.branch.id))
    return {one[0]: one[1] for one in found}


def _mention_deletes(
    session: Session, head: Head, states: Trees, combined: Combined, *, resolver: Resolver
) -> Replaced:
    """One side deleted what the other began to mention: a delete against a use, and a conflict like any.

    What is to be kept is in the changes then; the answer says what is gone.
    """
    changes, sides = combined.changes, combined.sides
    deleted = {at for at, (_, after) in changes.items() if after is None and at[0] in MENTIONED}
    near = heads.contents(head, states.ours, referrers(session, head.branch.id, deleted) - changes.keys())
    users = [(at, after) for at, (_, after) in changes.items()] + list(near.items())
    wanted = {mentioned for at, fields in users if fields for mentioned in mentions(at[0], fields)}
    there = heads.contents(head, states.ours, wanted - changes.keys())
    lacking = {at for at, fields in there.items() if fields is None} | (wanted & deleted)
    gone: Replaced = {}
    for at in sorted(lacking):
        if at not in sides:  # only a value from `resolutions` can mention what never was
            raise InvalidError.field("resolutions", str(at[1]), f"the key of one of the {at[0].value} on the branch")
        three = sides[at]
        kept = resolver.decide(at, three, (), values=(three.base, three.ours, three.theirs))
        changes[at] = (three.ours, kept)
        if kept is None:
            gone[at] = None
    return gone


def _rewrite_mentions(session: Session, head: Head, changes: Changes, replaced: Replaced) -> None:
    if not replaced:
        return
    near = referrers(session, head.branch.id, replaced) - changes.keys()
    changes |= {at: (fields, fields) for at, fields in heads.contents(head, head.commit.tree_hash, near).items()}
    for at, (before, after) in list(changes.items()):
        if after is not None:
            changes[at] = (before, rewritten(at[0], after, replaced))


def _reordered(kind: Kind, combined: Combined) -> bool:
    """Whether anything new or with another number comes into ours."""
    field = SHAPES[kind].named_by
    came = [three for at, three in combined.sides.items() if at[0] == kind and three.theirs is not None]
    back = any(at[0] == kind and before is None and after for at, (before, after) in combined.changes.items())
    return back or any(three.base is None or three.base[field] != three.theirs[field] for three in came if three.theirs)


def _renumber(head: Head, changes: Changes, kind: Kind, numbers: Mapping[uuid.UUID, int]) -> None:
    field = SHAPES[kind].named_by
    others = heads.contents(head, head.commit.tree_hash, [(kind, key) for key in numbers if (kind, key) not in changes])
    for key, number in numbers.items():
        before, after = changes.get((kind, key)) or (others[kind, key], others[kind, key])
        if after is not None:
            changes[kind, key] = (before, {**after, field: number})


def _check(changes: Changes, resolver: Resolver) -> None:
    """What a resolution made must be something that an edit could have made. Raises InvalidError."""
    for at in resolver.valued:
        before, after = changes[at]
        if after is not None:
            path = "/".join((at[0].value, escaped(str(after.get(SHAPES[at[0]].named_by, at[1])))))
            changes[at] = (before, whole(at[0], checked(at[0], after, path), path))
