"""Merging branches: three-way, field by field, from a true merge base. docs/versions.md has the rules."""

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
    """`commit` is the target's head afterwards (in a dry run: as it is). `changed` is what the target gains."""

    commit: Commit
    fast_forward: bool
    up_to_date: bool
    changed: tuple[EntityChange, ...]
    conflicts: tuple[Conflict, ...] = ()  # of a dry run only: else they are raised


class MergeConflictError(ConflictError):
    """Both sides changed the same. `details.conflicts` lists path, base, ours and theirs of each."""

    code = ErrorCode.MERGE_CONFLICT

    def __init__(self, conflicts: tuple[Conflict, ...]) -> None:
        paths = ", ".join(conflict.path for conflict in conflicts[:3]) + (", …" if len(conflicts) > 3 else "")
        super().__init__(
            f"Both sides changed {paths}: ask again with `resolutions` for these paths, or a `strategy`",
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
    """Bring what changed at `source` (branch, tag, commit) into the branch `target`. The caller commits.

    `resolutions`: for the path of a conflict a value, "ours" or "theirs"; `strategy` decides the others. Where the
    target has nothing of its own it is put forward to the source's commit, and `message` is not needed.
    Raises MergeConflictError (nothing is changed), NotFoundError, InvalidError for a resolution that cannot be or
    that answers no conflict.
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
            said = {"message": canonical(message, "message"), "author": canonical(author, "author")}
            commit = _moved(session, head, changes, theirs=theirs, said=None if forward else said)
            _carry(session, head, changes, source)
        return MergeResult(commit, forward, False, () if conflicts else tuple(described(changes)), conflicts)


def settled(resolver: Resolver, *, raising: bool) -> tuple[Conflict, ...]:
    """The conflicts that are open. Raises MergeConflictError for them, if asked, and InvalidError for idle answers."""
    conflicts = resolver.finish()
    if conflicts and raising:
        raise MergeConflictError(conflicts)
    return conflicts


def _moved(session: Session, head: Head, changes: Changes, *, theirs: Commit, said: Mapping[str, str] | None) -> Commit:
    if said is None:
        heads.move(session, head, changes, to=theirs)
        return theirs
    return heads.advance(session, head, changes, message=said["message"], author=said["author"], merged=theirs)


def _carry(session: Session, head: Head, changes: Changes, source: str) -> None:
    """What the target did not have comes with what production made of it on the source branch."""
    branch = branch_called(session, head.branch.project_id, source)
    new = [at for at, (before, after) in changes.items() if before is None and after is not None]
    if branch is not None and new:
        rows.carry(session, branch, head.branch, new)
