"""Past states, read at any ref: a branch, a tag, a commit's hash or a unique beginning of it (4 digits or more)."""

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

_WINDOW = 256  # commits that are looked at together
_LARGEST_CHUNK = 4096  # rows that are fetched at once


def _newest_first(*columns: Any) -> Select[Any]:
    ordered = select(Commit.id, Commit.parent_id, Commit.merged_id, *columns).order_by(Commit.id.desc())
    between = Commit.id.between(bindparam("bottom"), bindparam("top"))
    return ordered.where(Commit.project_id == bindparam("project"), between).limit(bindparam("most"))


def _hash_of(column: Any) -> Any:
    """Looked up row by row: how few of them are asked for is not known when a join is planned."""
    other = aliased(Commit)
    return select(other.hash).where(other.id == column).scalar_subquery()


_PASSED = _newest_first()
_SHOWN = _newest_first(Commit, _hash_of(Commit.parent_id).label("parent"), _hash_of(Commit.merged_id).label("merged"))


@dataclass(frozen=True)
class LogPage:
    """Commits, newest first, with the hashes of their parents; the second is the one that was merged.

    `next_cursor` is the `before` of the next page, None on the last.
    """

    commits: Sequence[Commit]
    parents: Mapping[int, tuple[str, ...]]
    next_cursor: int | None


@dataclass(frozen=True)
class EntityVersion:
    """One commit that changed an entity. `number` counts from 1, the oldest; `fields` is None where it was deleted."""

    number: int
    commit: Commit
    change: Change
    fields: Fields | None


def resolve(session: Session, project_id: int, ref: str) -> Commit:
    """The commit that `ref` names. Raises NotFoundError; InvalidError if the beginning of a hash fits several."""
    if found := plain_commit(session, project_id, ref):
        return found
    if ref == MAIN:
        return heads.taken(session, project_id, MAIN, lock=False).commit
    project_exists(session, project_id)
    return find_commit(session, project_id, ref)


def entities(session: Session, project_id: int, ref: str, kind: Kind) -> dict[uuid.UUID, Fields]:
    """Everything of one kind as it was at `ref`."""
    objects = Objects(session, project_id)
    hashes = trees.read(objects, resolve(session, project_id, ref).tree_hash, kind)
    objects.load(hashes.values())
    return {key: trees.entity(objects, sha256) for key, sha256 in hashes.items()}


def entity_at(session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID) -> Fields:
    """One entity as it was at `ref`. Raises NotFoundError."""
    objects = Objects(session, project_id)
    sha256 = trees.find(objects, resolve(session, project_id, ref).tree_hash, [(kind, key)])[kind, key]
    if sha256 is None:
        raise NotFoundError(f"There is no {key} among the {kind.value} of project {project_id} at {ref!r}")
    return trees.entity(objects, sha256)


def log(session: Session, project_id: int, ref: str, *, limit: int = 50, before: int | None = None) -> LogPage:
    """The commits that led to `ref`, merged lines included, newest first; `before` is a page's `next_cursor`."""
    reached = {resolve(session, project_id, ref).id}
    if before is not None:
        deque(_walk(session, project_id, reached, _PASSED, bottom=before, most=_LARGEST_CHUNK), maxlen=0)
    rows = list(islice(_walk(session, project_id, reached, _SHOWN, most=limit + 1), limit + 1))
    parents = {row.id: tuple(one for one in (row.parent, row.merged) if one is not None) for row in rows}
    return LogPage([row.Commit for row in rows[:limit]], parents, rows[limit - 1].id if len(rows) > limit else None)


def parents(session: Session, commit: Commit) -> tuple[str, ...]:
    """The hashes of its parents; the second is the one that was merged."""
    wanted = (commit.parent_id, commit.merged_id)
    return tuple(session.get_one(Commit, one).hash for one in wanted if one is not None)


def changed_by(session: Session, commit: Commit) -> list[EntityChange]:
    """What a commit changed, against its first parent; nothing for the first commit, which only takes down."""
    if commit.parent_id is None:
        return []
    return between(session, session.get_one(Commit, commit.parent_id), commit)


def diff(session: Session, project_id: int, from_ref: str, to_ref: str) -> list[EntityChange]:
    """What changed between two states, field by field, ordered by kind, then number or name."""
    return between(session, *(resolve(session, project_id, ref) for ref in (from_ref, to_ref)))


def between(session: Session, before: Commit, after: Commit) -> list[EntityChange]:
    """The same of two commits of one project."""
    objects = Objects(session, after.project_id)
    return described(heads.changes_between(objects, before.tree_hash, after.tree_hash))


def history(
    session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID, wanted: Wanted
) -> Page[EntityVersion]:
    """The commits up to `ref` that changed this entity, newest first. Raises NotFoundError if there is none.

    A merge is in it only if it made something that neither side had. The cursor is a commit's id: a merge
    puts older commits among those that were seen, and numbers shift.
    """
    graph, objects = Graph(session, project_id), Objects(session, project_id)
    way = graph.behind(resolve(session, project_id, ref).id)
    found: list[_Changed] = []
    while window := list(islice(way, _WINDOW)):
        found += _changing(graph, objects, window, (kind, key))
    if not found:
        raise NotFoundError(f"Nothing up to {ref!r} has {key} among the {kind.value} of project {project_id}")
    start = 0 if wanted.cursor is None else sum(one.commit_id >= wanted.cursor for one in found)
    end = start + wanted.limit
    shown = found[start:end]
    versions = _versions(session, objects, shown, newest=len(found) - start)
    return Page(versions, shown[-1].commit_id if end < len(found) else None)


def _walk(
    session: Session, project_id: int, reached: set[int], wanted: Select[Any], *, bottom: int = 1, most: int
) -> Iterator[Row[Any]]:
    """The rows of all commits at or behind those of `reached`, newest first, down to `bottom`; `most`: at first.

    A parent has a smaller id than its child. What lies below `bottom` and was reached is left in `reached`.
    """
    while reached and (top := max(reached)) >= bottom:
        asked = {"project": project_id, "bottom": bottom, "top": top, "most": most}
        for row in session.execute(wanted, asked):
            if row.id in reached:
                reached.remove(row.id)
                reached.update(one for one in (row.parent_id, row.merged_id) if one is not None)
                yield row
        most = min(2 * most, _LARGEST_CHUNK)


class _Changed(NamedTuple):
    """A commit that left an entity as none of its parents had it: the object's hash before and after."""

    commit_id: int
    before: str | None
    after: str | None


def _changing(graph: Graph, objects: Objects, window: Sequence[int], at: Address) -> list[_Changed]:
    nodes = {one: graph.node(one) for one in window}
    behind = {parent: graph.node(parent).tree for node in nodes.values() for parent in node.parents}
    hashes = trees.find_in_many(objects, {*behind.values(), *(node.tree for node in nodes.values())}, at)
    found = []
    for one, node in nodes.items():
        before = [hashes[behind[parent]] for parent in node.parents] or [None]
        after = hashes[node.tree]
        if after not in before:
            found.append(_Changed(one, before[0], after))
    return found


def _versions(session: Session, objects: Objects, shown: Sequence[_Changed], *, newest: int) -> list[EntityVersion]:
    objects.load(one.after for one in shown if one.after)
    ids = [one.commit_id for one in shown]
    commits = {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
    return [
        EntityVersion(
            number,
            commits[one.commit_id],
            change_of({} if one.before else None, {} if one.after else None),
            trees.entity(objects, one.after) if one.after else None,
        )
        for number, one in zip(range(newest, 0, -1), shown, strict=False)
    ]
