"""Read past states at a ref: a branch, a tag, a commit's hash or a unique start of it (4 digits or more)."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session, aliased

from db.models.versions import Commit
from tower.errors import NotFoundError
from tower.names import NameIndex
from tower.pages import Page, PageRequest
from tower.versions import heads, trees
from tower.versions.comparing import ChangeType, EntityChange, FieldChange, change_type_of, describe_changes
from tower.versions.graph import CommitGraph
from tower.versions.kinds import KIND_SPECS, Fields, Kind
from tower.versions.objects import ObjectStore
from tower.versions.refs import MAIN, check_project_exists, find_commit, find_head_or_full_hash
from tower.versions.trees import Address

__all__ = [
    "ChangeType",
    "EntityChange",
    "EntityVersion",
    "FieldChange",
    "LogPage",
    "diff_commits",
    "diff_refs",
    "diff_with_parent",
    "entities_at",
    "entity_at",
    "entity_history",
    "find_key_by_name",
    "list_commits",
    "parent_hashes",
    "resolve_ref",
]

_WINDOW = 256  # commits examined at a time
_LARGEST_CHUNK = 4096  # rows fetched with one query, at most


def _newest_first(*columns: Any) -> Select[Any]:
    ordered = select(Commit.id, Commit.parent_id, Commit.merged_id, *columns).order_by(Commit.id.desc())
    between = Commit.id.between(bindparam("bottom"), bindparam("top"))
    return ordered.where(Commit.project_id == bindparam("project"), between).limit(bindparam("most"))


def _hash_of(column: Any) -> Any:
    """A subquery per row: PostgreSQL cannot know how few rows are fetched, and would plan a costly join."""
    other = aliased(Commit)
    return select(other.hash).where(other.id == column).scalar_subquery()


_IDS_ONLY = _newest_first()
_WITH_COMMITS = _newest_first(
    Commit, _hash_of(Commit.parent_id).label("parent"), _hash_of(Commit.merged_id).label("merged")
)


@dataclass(frozen=True)
class LogPage:
    """Commits, newest first, with the hashes of their parents by commit id. A second parent is the merged commit.

    `next_cursor` is the `before` of the next page; None on the last.
    """

    commits: Sequence[Commit]
    parents: Mapping[int, tuple[str, ...]]
    next_cursor: int | None


@dataclass(frozen=True)
class EntityVersion:
    """A commit that changed an entity. `number` counts from 1, the oldest; `fields` is None if it was deleted."""

    number: int
    commit: Commit
    change: ChangeType
    fields: Fields | None


def resolve_ref(session: Session, project_id: int, ref: str) -> Commit:
    """Return the commit that `ref` names.

    Raises NotFoundError, and InvalidError if the start of a hash matches several commits.
    """
    if found := find_head_or_full_hash(session, project_id, ref):
        return found
    if ref == MAIN:
        return heads.load_head(session, project_id, MAIN, lock=False).commit
    check_project_exists(session, project_id)
    return find_commit(session, project_id, ref)


def entities_at(session: Session, project_id: int, ref: str, kind: Kind) -> dict[uuid.UUID, Fields]:
    """Return the entities of one kind at `ref`, by key."""
    objects = ObjectStore(session, project_id)
    hashes = trees.list_entities(objects, resolve_ref(session, project_id, ref).tree_hash, kind)
    objects.load(hashes.values())
    return {key: trees.get_entity(objects, sha256) for key, sha256 in hashes.items()}


def entity_at(session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID) -> Fields:
    """Return an entity's fields at `ref`. Raises NotFoundError."""
    objects = ObjectStore(session, project_id)
    sha256 = trees.find_entities(objects, resolve_ref(session, project_id, ref).tree_hash, [(kind, key)])[kind, key]
    if sha256 is None:
        raise NotFoundError(f"There is no {key} among the {kind.value} of project {project_id} at {ref!r}")
    return trees.get_entity(objects, sha256)


def find_key_by_name(session: Session, project_id: int, ref: str, kind: Kind, *, name: str) -> uuid.UUID:
    """Return the key of the entity with this name at `ref`. Raises NotFoundError."""
    name_field = KIND_SPECS[kind].name_field
    past = entities_at(session, project_id, ref, kind)
    found = NameIndex((str(fields[name_field]), key) for key, fields in past.items()).find(name)
    if found is not None:
        return found
    raise NotFoundError(f"None of the {kind.value} of project {project_id} at {ref!r} has the name {name!r}")


def list_commits(session: Session, project_id: int, ref: str, *, limit: int = 50, before: int | None = None) -> LogPage:
    """Return the ancestors of `ref` and itself, newest first. `before` is the `next_cursor` of the previous page."""
    reached = {resolve_ref(session, project_id, ref).id}
    if before is not None:
        deque(_walk_ancestors(session, project_id, reached, _IDS_ONLY, bottom=before, most=_LARGEST_CHUNK), maxlen=0)
    rows = list(islice(_walk_ancestors(session, project_id, reached, _WITH_COMMITS, most=limit + 1), limit + 1))
    parents = {row.id: tuple(sha256 for sha256 in (row.parent, row.merged) if sha256 is not None) for row in rows}
    return LogPage([row.Commit for row in rows[:limit]], parents, rows[limit - 1].id if len(rows) > limit else None)


def parent_hashes(session: Session, commit: Commit) -> tuple[str, ...]:
    """Return the hashes of the commit's parents. A second parent is the merged commit."""
    ids = (commit.parent_id, commit.merged_id)
    return tuple(session.get_one(Commit, parent_id).hash for parent_id in ids if parent_id is not None)


def diff_with_parent(session: Session, commit: Commit) -> list[EntityChange]:
    """Return the changes of a commit against its first parent; none for a project's first commit."""
    if commit.parent_id is None:
        return []
    return diff_commits(session, session.get_one(Commit, commit.parent_id), commit)


def diff_refs(session: Session, project_id: int, from_ref: str, to_ref: str) -> list[EntityChange]:
    """Return the changes between two refs, ordered by kind, then number or name."""
    return diff_commits(session, *(resolve_ref(session, project_id, ref) for ref in (from_ref, to_ref)))


def diff_commits(session: Session, before: Commit, after: Commit) -> list[EntityChange]:
    """Return the changes between two commits of one project, ordered as by `diff_refs`."""
    objects = ObjectStore(session, after.project_id)
    return describe_changes(heads.tree_changes(objects, before.tree_hash, after.tree_hash))


def entity_history(
    session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID, page_request: PageRequest
) -> Page[EntityVersion]:
    """Return the commits up to `ref` that changed this entity, newest first. Raises NotFoundError if there is none.

    A merge is included only if its result differs from both sides. The cursor is the id of a commit and not a number,
    as a merge inserts older commits and numbers shift.
    """
    graph, objects = CommitGraph(session, project_id), ObjectStore(session, project_id)
    ancestors = graph.iter_history(resolve_ref(session, project_id, ref).id)
    found: list[_ChangingCommit] = []
    while window := list(islice(ancestors, _WINDOW)):
        found += _find_changes(graph, objects, window, (kind, key))
    if not found:
        raise NotFoundError(f"Nothing up to {ref!r} has {key} among the {kind.value} of project {project_id}")
    start = 0 if page_request.cursor is None else sum(changed.commit_id >= page_request.cursor for changed in found)
    end = start + page_request.limit
    page_rows = found[start:end]
    versions = _load_versions(session, objects, page_rows, newest=len(found) - start)
    return Page(versions, page_rows[-1].commit_id if end < len(found) else None)


def _walk_ancestors(
    session: Session, project_id: int, reached: set[int], query: Select[Any], *, bottom: int = 1, most: int
) -> Iterator[Row[Any]]:
    """Yield the rows of the commits of `reached` and their ancestors, newest first, down to the id `bottom`.

    `most` is the size of the first query; it doubles with each. A parent has a smaller id than its child. On return
    `reached` holds the ids below `bottom` to continue from.
    """
    while reached and (top := max(reached)) >= bottom:
        parameters = {"project": project_id, "bottom": bottom, "top": top, "most": most}
        for row in session.execute(query, parameters):
            if row.id in reached:
                reached.remove(row.id)
                reached.update(parent_id for parent_id in (row.parent_id, row.merged_id) if parent_id is not None)
                yield row
        most = min(2 * most, _LARGEST_CHUNK)


class _ChangingCommit(NamedTuple):
    """A commit whose version of an entity differs from those of all its parents: the object's hash before and after."""

    commit_id: int
    before: str | None
    after: str | None


def _find_changes(
    graph: CommitGraph, objects: ObjectStore, window: Sequence[int], at: Address
) -> list[_ChangingCommit]:
    nodes = {commit_id: graph.node(commit_id) for commit_id in window}
    parent_trees = {parent: graph.node(parent).tree for node in nodes.values() for parent in node.parents}
    hashes = trees.find_in_trees(objects, {*parent_trees.values(), *(node.tree for node in nodes.values())}, at)
    found = []
    for commit_id, node in nodes.items():
        before = [hashes[parent_trees[parent]] for parent in node.parents] or [None]
        after = hashes[node.tree]
        if after not in before:
            found.append(_ChangingCommit(commit_id, before[0], after))
    return found


def _load_versions(
    session: Session, objects: ObjectStore, shown: Sequence[_ChangingCommit], *, newest: int
) -> list[EntityVersion]:
    objects.load(changed.after for changed in shown if changed.after)
    ids = [changed.commit_id for changed in shown]
    commits = {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
    return [
        EntityVersion(
            number,
            commits[changed.commit_id],
            change_type_of({} if changed.before else None, {} if changed.after else None),
            trees.get_entity(objects, changed.after) if changed.after else None,
        )
        for number, changed in zip(range(newest, 0, -1), shown, strict=False)
    ]
