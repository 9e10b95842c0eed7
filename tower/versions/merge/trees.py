"""Three-way merge of trees, entity by entity. Entities that only one side changed are taken as a whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tower.versions import trees
from tower.versions.graph import CommitGraph
from tower.versions.kinds import KIND_SPECS, Fields
from tower.versions.merge.conflicts import EntitySides
from tower.versions.merge.fields import MISSING, FieldPath, merge_fields
from tower.versions.objects import ObjectStore
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import are_equal

EntityDecider = Callable[[Address, EntitySides, FieldPath, tuple[Any, Any, Any]], Any]


@dataclass(frozen=True)
class CombinedTrees:
    """`sides` holds all entities that either side changed, `changes` the changes that the merge makes to ours."""

    sides: dict[Address, EntitySides]
    changes: Changes


def combine_trees(objects: ObjectStore, base: str, ours: str, theirs: str, *, decide: EntityDecider) -> CombinedTrees:
    """Merge two trees. `decide` chooses a field, or a whole entity (empty path), that both sides changed."""
    our_changes = trees.diff_trees(objects, base, ours)
    their_changes = trees.diff_trees(objects, base, theirs)
    objects.load(
        sha256 for found in (our_changes, their_changes) for pair in found.values() for sha256 in pair if sha256
    )
    sides: dict[Address, EntitySides] = {}
    changes: Changes = {}
    for at in our_changes.keys() | their_changes.keys():
        before = (our_changes.get(at) or their_changes[at])[0]
        hashes = (before, our_changes.get(at, (before, before))[1], their_changes.get(at, (before, before))[1])
        sides[at] = EntitySides(*(trees.get_entity(objects, sha256) if sha256 else None for sha256 in hashes))
        if at in their_changes and hashes[1] != hashes[2]:
            merged = sides[at].theirs if at not in our_changes else _merge_entity(at, sides[at], decide)
            changes[at] = (sides[at].ours, merged)
    return CombinedTrees(sides, changes)


def merge_base_tree(graph: CommitGraph, objects: ObjectStore, ours: int, theirs: int) -> str:
    """Return the tree of the merge base of two commits.

    Branches that were merged criss-cross have several bases. These are merged recursively into a virtual one, in which
    conflicting values stay as in their own base. Git's merge-recursive and merge-ort do the same ("git help merge",
    recursive; merge-ort.c: `opt->priv->call_depth`).
    """
    bases = graph.best_common_ancestors(ours, theirs)[::-1]
    if not bases:
        return trees.put_empty_tree(objects)
    virtual = bases[0]
    for other in bases[1:]:
        base = merge_base_tree(graph, objects, virtual, other)
        sides = (base, graph.node(virtual).tree, graph.node(other).tree)
        combined = combine_trees(objects, *sides, decide=_take_base)
        hashes = {
            at: trees.put_entity(objects, at[0], after) if after else None
            for at, (_, after) in combined.changes.items()
        }
        virtual = graph.add_virtual((virtual, other), trees.write_tree(objects, sides[1], hashes))
    objects.discard_pending()
    return graph.node(virtual).tree


def _take_base(_at: Address, _sides: EntitySides, path: FieldPath, values: tuple[Any, Any, Any]) -> Any:
    base, ours, _ = values
    return ours if base is MISSING and len(path) == 1 else base


def _merge_entity(at: Address, sides: EntitySides, settle: EntityDecider) -> Fields | None:
    if sides.ours is None or sides.theirs is None:
        remaining = sides.ours or sides.theirs
        if sides.base is not None and remaining is not None and _only_renumbered(at, sides.base, remaining):
            return None
        decided: Fields | None = settle(at, sides, (), (sides.base, sides.ours, sides.theirs))
        return decided

    def decide(path: FieldPath, base: Any, ours: Any, theirs: Any) -> Any:
        return settle(at, sides, path, (base, ours, theirs))

    return merge_fields(at[0], sides.base, sides.ours, sides.theirs, decide=decide)


def _only_renumbered(at: Address, base: Fields, left: Fields) -> bool:
    """Whether only the number changed. Such an entity does not count as edited, so its delete wins."""
    shape = KIND_SPECS[at[0]]
    return shape.numbered and are_equal({**base, shape.name_field: None}, {**left, shape.name_field: None})
