"""Past states, read at any ref: a branch, a tag, a commit's hash or a unique beginning of it (4 digits or more)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.versions import Commit
from tower.errors import NotFoundError
from tower.versions import heads, trees
from tower.versions.comparing import Change, EntityChange, FieldChange, change_of, described
from tower.versions.graph import Graph
from tower.versions.kinds import Fields, Kind
from tower.versions.objects import Objects
from tower.versions.refs import MAIN, find_commit, project_exists
from tower.versions.trees import Address

__all__ = [
    "Change",
    "EntityChange",
    "EntityVersion",
    "FieldChange",
    "LogPage",
    "diff",
    "entities",
    "entity_at",
    "history",
    "log",
    "parents",
    "resolve",
]

_WINDOW = 256  # commits that are looked at together


@dataclass(frozen=True)
class LogPage:
    """Commits, newest first. `next_cursor` is the `before` of the next page, None on the last."""

    commits: Sequence[Commit]
    next_cursor: int | None


@dataclass(frozen=True)
class EntityVersion:
    """One commit that changed an entity; `fields` is None where the commit deleted it."""

    commit: Commit
    change: Change
    fields: Fields | None


def resolve(session: Session, project_id: int, ref: str) -> Commit:
    """The commit that `ref` names. Raises NotFoundError; InvalidError if the beginning of a hash fits several."""
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
    newest = resolve(session, project_id, ref).id
    way = Graph(session, project_id).behind(newest)
    ids = list(islice((one for one in way if before is None or one < before), limit + 1))
    commits = _commits(session, ids[:limit])
    return LogPage([commits[one] for one in ids[:limit]], ids[limit - 1] if len(ids) > limit else None)


def parents(session: Session, commits: Sequence[Commit]) -> Mapping[int, tuple[str, ...]]:
    """The hashes of each commit's parents, by the commit's id; the second is the one that was merged."""
    wanted = {one for commit in commits for one in (commit.parent_id, commit.merged_id) if one is not None}
    found = session.execute(select(Commit.id, Commit.hash).where(Commit.id.in_(wanted)))
    hashes = {row.id: row.hash for row in found}
    return {
        commit.id: tuple(hashes[one] for one in (commit.parent_id, commit.merged_id) if one is not None)
        for commit in commits
    }


def diff(session: Session, project_id: int, from_ref: str, to_ref: str) -> list[EntityChange]:
    """What changed between two states, field by field, ordered by kind, then number or name."""
    before, after = (resolve(session, project_id, ref).tree_hash for ref in (from_ref, to_ref))
    objects = Objects(session, project_id)
    return described(heads.changes_between(objects, before, after))


def history(
    session: Session, project_id: int, ref: str, kind: Kind, *, key: uuid.UUID, limit: int | None = None
) -> list[EntityVersion]:
    """The commits up to `ref` that changed this entity, newest first. Raises NotFoundError if there is none.

    A merge is in it only if it made something that neither side had.
    """
    newest = resolve(session, project_id, ref).id
    graph, objects = Graph(session, project_id), Objects(session, project_id)
    way = graph.behind(newest)
    found: list[tuple[int, str | None, str | None]] = []
    while window := list(islice(way, _WINDOW)):
        found += _changing(graph, objects, window, (kind, key))
        if limit is not None and len(found) >= limit:
            break
    if not found:
        raise NotFoundError(f"Nothing up to {ref!r} has {key} among the {kind.value} of project {project_id}")
    objects.load(after for _, _, after in found if after)
    commits = _commits(session, [one for one, _, _ in found])
    return [
        EntityVersion(
            commits[one],
            change_of({} if before else None, {} if after else None),
            trees.entity(objects, after) if after else None,
        )
        for one, before, after in found[:limit]
    ]


def _changing(
    graph: Graph, objects: Objects, window: Sequence[int], at: Address
) -> list[tuple[int, str | None, str | None]]:
    """(commit, hash before, hash after) of those that left the entity as none of their parents had it."""
    nodes = {one: graph.node(one) for one in window}
    behind = {parent: graph.node(parent).tree for node in nodes.values() for parent in node.parents}
    hashes = trees.find_in_many(objects, {*behind.values(), *(node.tree for node in nodes.values())}, at)
    found = []
    for one, node in nodes.items():
        before = [hashes[behind[parent]] for parent in node.parents] or [None]
        after = hashes[node.tree]
        if after not in before:
            found.append((one, before[0], after))
    return found


def _commits(session: Session, ids: Sequence[int]) -> dict[int, Commit]:
    return {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
