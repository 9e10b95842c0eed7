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
from tower.pages import Page, Wanted
from tower.versions import heads, trees
from tower.versions.comparing import Change, EntityChange, FieldChange, change_of, described
from tower.versions.graph import Graph
from tower.versions.kinds import Fields, Kind
from tower.versions.objects import Objects
from tower.versions.refs import MAIN, find_commit, plain_commit, project_exists
from tower.versions.trees import Address

__all__ = [
    "Change",
    "EntityChange",
    "EntityVersion",
    "FieldChange",
    "LogPage",
    "between",
    "changed_by",
    "diff",
    "entities",
    "entity_at",
    "history",
    "log",
    "parents",
    "resolve",
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
    change: Change
    fields: Fields | None


def resolve(session: Session, project_id: int, ref: str) -> Commit:
    """Return the commit that `ref` names.

    Raises NotFoundError, and InvalidError if the start of a hash matches several commits.
    """
    if found := plain_commit(session, project_id, ref):
        return found
    if ref == MAIN:
        return heads.taken(session, project_id, MAIN, lock=False).commit
    project_exists(session, project_id)
    return find_commit(session, project_id, ref)


def entities(session: Session, project_id: int, ref: str, kind: Kind) -> dict[uuid.UUID, Fields]:
    """Return the entities of one kind at `ref`, by key."""
    objects = Objects(session, project_id)
    hashes = trees.read(objects, resolve(session, project_id, ref).tree_hash, kind)
    objects.load(hashes.values())
    return {key: trees.entity(objects, sha256) for key, sha256 in hashes.items()}


def entity_at(session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID) -> Fields:
    """Return an entity's fields at `ref`. Raises NotFoundError."""
    objects = Objects(session, project_id)
    sha256 = trees.find(objects, resolve(session, project_id, ref).tree_hash, [(kind, key)])[kind, key]
    if sha256 is None:
        raise NotFoundError(f"There is no {key} among the {kind.value} of project {project_id} at {ref!r}")
    return trees.entity(objects, sha256)


def log(session: Session, project_id: int, ref: str, *, limit: int = 50, before: int | None = None) -> LogPage:
    """Return the ancestors of `ref` and itself, newest first. `before` is the `next_cursor` of the previous page."""
    reached = {resolve(session, project_id, ref).id}
    if before is not None:
        deque(_walk_ancestors(session, project_id, reached, _IDS_ONLY, bottom=before, most=_LARGEST_CHUNK), maxlen=0)
    rows = list(islice(_walk_ancestors(session, project_id, reached, _WITH_COMMITS, most=limit + 1), limit + 1))
    parents = {row.id: tuple(sha256 for sha256 in (row.parent, row.merged) if sha256 is not None) for row in rows}
    return LogPage([row.Commit for row in rows[:limit]], parents, rows[limit - 1].id if len(rows) > limit else None)


def parents(session: Session, commit: Commit) -> tuple[str, ...]:
    """Return the hashes of the commit's parents. A second parent is the merged commit."""
    ids = (commit.parent_id, commit.merged_id)
    return tuple(session.get_one(Commit, parent_id).hash for parent_id in ids if parent_id is not None)


def changed_by(session: Session, commit: Commit) -> list[EntityChange]:
    """Return the changes of a commit against its first parent; none for a project's first commit."""
    if commit.parent_id is None:
        return []
    return between(session, session.get_one(Commit, commit.parent_id), commit)


def diff(session: Session, project_id: int, from_ref: str, to_ref: str) -> list[EntityChange]:
    """Return the changes between two refs, ordered by kind, then number or name."""
    return between(session, *(resolve(session, project_id, ref) for ref in (from_ref, to_ref)))


def between(session: Session, before: Commit, after: Commit) -> list[EntityChange]:
    """Return the changes between two commits of one project, ordered as by `diff`."""
    objects = Objects(session, after.project_id)
    return described(heads.changes_between(objects, before.tree_hash, after.tree_hash))


def history(
    session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID, wanted: Wanted
) -> Page[EntityVersion]:
    """Return the commits up to `ref` that changed this entity, newest first. Raises NotFoundError if there is none.

    A merge is included only if its result differs from both sides. The cursor is the id of a commit and not a number,
    as a merge inserts older commits and numbers shift.
    """
    graph, objects = Graph(session, project_id), Objects(session, project_id)
    ancestors = graph.behind(resolve(session, project_id, ref).id)
    found: list[_ChangingCommit] = []
    while window := list(islice(ancestors, _WINDOW)):
        found += _find_changes(graph, objects, window, (kind, key))
    if not found:
        raise NotFoundError(f"Nothing up to {ref!r} has {key} among the {kind.value} of project {project_id}")
    start = 0 if wanted.cursor is None else sum(changed.commit_id >= wanted.cursor for changed in found)
    end = start + wanted.limit
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


def _find_changes(graph: Graph, objects: Objects, window: Sequence[int], at: Address) -> list[_ChangingCommit]:
    nodes = {commit_id: graph.node(commit_id) for commit_id in window}
    parent_trees = {parent: graph.node(parent).tree for node in nodes.values() for parent in node.parents}
    hashes = trees.find_in_many(objects, {*parent_trees.values(), *(node.tree for node in nodes.values())}, at)
    found = []
    for commit_id, node in nodes.items():
        before = [hashes[parent_trees[parent]] for parent in node.parents] or [None]
        after = hashes[node.tree]
        if after not in before:
            found.append(_ChangingCommit(commit_id, before[0], after))
    return found


def _load_versions(
    session: Session, objects: Objects, shown: Sequence[_ChangingCommit], *, newest: int
) -> list[EntityVersion]:
    objects.load(changed.after for changed in shown if changed.after)
    ids = [changed.commit_id for changed in shown]
    commits = {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
    return [
        EntityVersion(
            number,
            commits[changed.commit_id],
            change_of({} if changed.before else None, {} if changed.after else None),
            trees.entity(objects, changed.after) if changed.after else None,
        )
        for number, changed in zip(range(newest, 0, -1), shown, strict=False)
    ]
