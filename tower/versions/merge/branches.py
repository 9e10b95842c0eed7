"""Merge branches three-way and field by field over their merge base. See docs/versions.md for the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.models.versions import Commit
from tower.errors import ConflictError
from tower.errors.codes import ErrorCode
from tower.versions import heads, rows
from tower.versions.comparing import EntityChange, described
from tower.versions.graph import Graph
from tower.versions.heads import Head
from tower.versions.history import resolve
from tower.versions.merge.apply import Trees, join
from tower.versions.merge.conflicts import Conflict, Resolver, Strategy
from tower.versions.merge.trees import base_tree
from tower.versions.refs import branch_called
from tower.versions.rows import Changes
from tower.versions.values import canonical

__all__ = ["Conflict", "MergeConflictError", "MergeResult", "Strategy", "merge"]


@dataclass(frozen=True)
class MergeResult:
    """`commit` is the target's head after the merge (in a dry run, its current head); `changed` lists its changes."""

    commit: Commit
    fast_forward: bool
    up_to_date: bool
    changed: tuple[EntityChange, ...]
    conflicts: tuple[Conflict, ...] = ()  # only in a dry run; otherwise they are raised


class MergeConflictError(ConflictError):
    """Both sides changed the same values. `details.conflicts` lists path, base, ours and theirs of each conflict."""

    code = ErrorCode.MERGE_CONFLICT

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        paths = ", ".join(conflict.path for conflict in conflicts[:3]) + (", …" if len(conflicts) > 3 else "")
        super().__init__(
            f"Both sides changed {paths}: repeat the request with `resolutions` for these paths, or with a `strategy`",
            details={"conflicts": [conflict.as_json() for conflict in conflicts]},
        )
        self.conflicts = conflicts


def merge(
    session: Session,
    *,
    project_id: int,
    source: str,
    target: str,
    message: str,
    author: str,
    strategy: Strategy | None = None,
    resolutions: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> MergeResult:
    """Merge the changes of `source` (a branch, tag or commit) into the branch `target`. The caller commits.

    `resolutions` maps paths of conflicts to a value, "ours" or "theirs"; `strategy` decides the other conflicts. A
    target without changes of its own is fast-forwarded to the source's commit, and `message` is not used. Raises
    MergeConflictError (nothing is changed), NotFoundError, and InvalidError for a resolution that is invalid or matches
    no conflict.
    """
    with session.begin_nested():
        head = heads.taken(session, project_id, target, lock=not dry_run)
        theirs = resolve(session, project_id, source)
        graph = Graph(session, project_id)
        if graph.descends(head.commit.id, theirs.id):
            return MergeResult(head.commit, fast_forward=False, up_to_date=True, changed=())
        resolver = Resolver(strategy, resolutions or {})
        forward = graph.descends(theirs.id, head.commit.id)
        if forward:
            changes = heads.changes_between(head.objects, head.commit.tree_hash, theirs.tree_hash)
        else:
            base = base_tree(graph, head.objects, head.commit.id, theirs.id)
            changes = join(session, head, Trees(base, head.commit.tree_hash, theirs.tree_hash), resolver=resolver)
        conflicts = settled(resolver, raising=not dry_run)
        commit = head.commit
        if not dry_run:
            labels = {"message": canonical(message, "message"), "author": canonical(author, "author")}
            commit = _move_head(session, head, changes, theirs=theirs, labels=None if forward else labels)
            _copy_production(session, head, changes, source)
        return MergeResult(commit, forward, False, () if conflicts else tuple(described(changes)), conflicts)


def settled(resolver: Resolver, *, raising: bool) -> tuple[Conflict, ...]:
    """Return the open conflicts, or with `raising` raise MergeConflictError for them.

    Raises InvalidError for resolutions that match no conflict.
    """
    conflicts = resolver.finish()
    if conflicts and raising:
        raise MergeConflictError(conflicts)
    return conflicts


def _move_head(
    session: Session, head: Head, changes: Changes, *, theirs: Commit, labels: Mapping[str, str] | None
) -> Commit:
    if labels is None:
        heads.move(session, head, changes, to=theirs)
        return theirs
    return heads.advance(session, head, changes, message=labels["message"], author=labels["author"], merged=theirs)


def _copy_production(session: Session, head: Head, changes: Changes, source: str) -> None:
    """Copy results of production from the source branch to the entities that are new in the target."""
    branch = branch_called(session, head.branch.project_id, source)
    new = [at for at, (before, after) in changes.items() if before is None and after is not None]
    if branch is not None and new:
        rows.carry(session, branch, head.branch, new)
