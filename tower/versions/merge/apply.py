"""Merge a state into the head of a branch over a base. Merges and reverts share this."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from tower.errors import InvalidError
from tower.versions import heads
from tower.versions.fields import complete_new_fields, parse_edit, parse_fields
from tower.versions.heads import Head
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.merge import numbers as numbering
from tower.versions.merge.conflicts import ConflictResolver, EntitySides
from tower.versions.merge.fields import FieldPath
from tower.versions.merge.names import NameMerge
from tower.versions.merge.trees import CombinedTrees, combine_trees
from tower.versions.names import load_names
from tower.versions.references import REFERENCED_KINDS, find_referrers, referenced_addresses, rewrite_references
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import escape_path_part

Replacements = dict[Address, uuid.UUID | None]


@dataclass(frozen=True)
class MergeTrees:
    base: str
    ours: str
    theirs: str


def merge_into_head(session: Session, head: Head, states: MergeTrees, *, resolver: ConflictResolver) -> Changes:
    """Return the changes to the head that bring in the difference from base to theirs.

    Open conflicts are collected in `resolver.conflicts`.
    """

    def settle(at: Address, sides: EntitySides, path: FieldPath, values: tuple[Any, Any, Any]) -> Any:
        return resolver.decide(at, sides, path, values=values)

    combined = combine_trees(head.objects, states.base, states.ours, states.theirs, decide=settle)
    changes, sides = combined.changes, combined.sides
    _check_resolved_values(changes, resolver)
    replaced = _resolve_deletes(session, head, states, combined, resolver=resolver)
    for kind, shape in KIND_SPECS.items():
        if shape.unique and not shape.numbered and any(at[0] == kind for at in changes):
            replaced |= NameMerge(kind, load_names(session, head.branch.id, kind), sides, changes).resolve_names(
                resolver
            )
    _rewrite_references(session, head, changes, replaced)
    for kind, shape in KIND_SPECS.items():
        if shape.numbered and _changes_order(kind, combined):
            numbers = numbering.resolve_numbers(
                changes, kind, load_names(session, head.branch.id, kind), sides, resolver=resolver
            )
            _renumber(head, changes, kind, numbers)
    _check_resolved_values(changes, resolver)
    return changes


def _resolve_deletes(
    session: Session, head: Head, states: MergeTrees, combined: CombinedTrees, *, resolver: ConflictResolver
) -> Replacements:
    """Resolve deletes of entities to which the other side has added a reference, like any other conflict.

    Entities to keep are put back into the changes. Returns those that stay deleted.
    """
    changes, sides = combined.changes, combined.sides
    deleted = {at for at, (_, after) in changes.items() if after is None and at[0] in REFERENCED_KINDS}
    affected = heads.entities_in_tree(
        head, states.ours, find_referrers(session, head.branch.id, deleted) - changes.keys()
    )
    users = [(at, after) for at, (_, after) in changes.items()] + list(affected.items())
    referenced = {mentioned for at, fields in users if fields for mentioned in referenced_addresses(at[0], fields)}
    targets = heads.entities_in_tree(head, states.ours, referenced - changes.keys())
    missing = {at for at, fields in targets.items() if fields is None} | (referenced & deleted)
    deletes: Replacements = {}
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


def _rewrite_references(session: Session, head: Head, changes: Changes, replaced: Replacements) -> None:
    if not replaced:
        return
    affected = find_referrers(session, head.branch.id, replaced) - changes.keys()
    changes |= {
        at: (fields, fields) for at, fields in heads.entities_in_tree(head, head.commit.tree_hash, affected).items()
    }
    for at, (before, after) in list(changes.items()):
        if after is not None:
            changes[at] = (before, rewrite_references(at[0], after, replaced))


def _changes_order(kind: Kind, combined: CombinedTrees) -> bool:
    """Whether the merge adds or renumbers an entity in ours."""
    field = KIND_SPECS[kind].name_field
    incoming = [three for at, three in combined.sides.items() if at[0] == kind and three.theirs is not None]
    re_added = any(at[0] == kind and before is None and after for at, (before, after) in combined.changes.items())
    return re_added or any(
        three.base is None or three.base[field] != three.theirs[field] for three in incoming if three.theirs
    )


def _renumber(head: Head, changes: Changes, kind: Kind, numbers: Mapping[uuid.UUID, int]) -> None:
    field = KIND_SPECS[kind].name_field
    others = heads.entities_in_tree(
        head, head.commit.tree_hash, [(kind, key) for key in numbers if (kind, key) not in changes]
    )
    for key, number in numbers.items():
        before, after = changes.get((kind, key)) or (others[kind, key], others[kind, key])
        if after is not None:
            changes[kind, key] = (before, {**after, field: number})


def _check_resolved_values(changes: Changes, resolver: ConflictResolver) -> None:
    """Validate values given by resolutions like those of an edit. Raises InvalidError."""
    for at in resolver.resolved_by_value:
        before, after = changes[at]
        if after is not None:
            path = "/".join((at[0].value, escape_path_part(str(after.get(KIND_SPECS[at[0]].name_field, at[1])))))
            parse = parse_fields if before is not None and _keeps_name(at[0], before, after) else parse_edit
            changes[at] = (before, complete_new_fields(at[0], parse(at[0], after, path), path))


def _keeps_name(kind: Kind, before: Fields, after: Fields) -> bool:
    field = KIND_SPECS[kind].name_field
    return bool(before[field] == after.get(field))
