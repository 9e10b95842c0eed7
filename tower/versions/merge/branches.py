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
from tower.versions.comparing import EntityChange, describe_changes
from tower.versions.graph import CommitGraph
from tower.versions.heads import Head
from tower.versions.history import resolve_ref
from tower.versions.merge.apply import MergeTrees, merge_into_head
from tower.versions.merge.conflicts import ConflictResolver, MergeConflict, Strategy
from tower.versions.merge.trees import merge_base_tree
from tower.versions.refs import get_branch
from tower.versions.rows import Changes
from tower.versions.values import canonicalise

__all__ = ["MergeConflict", "MergeConflictError", "MergeResult", "Strategy", "merge_branch"]


@dataclass(frozen=True)
class MergeResult:
    """`commit` is the target's head after the merge (in a dry run, its current head); `changed` lists its changes."""

    commit: Commit
    fast_forward: bool
    up_to_date: bool
    changed: tuple[EntityChange, ...]
    conflicts: tuple[MergeConflict, ...] = ()  # only in a dry run; otherwise they are raised


class MergeConflictError(ConflictError):
    """Both sides changed the same values. `details.conflicts` lists path, base, ours and theirs of each conflict."""

    code = ErrorCode.MERGE_CONFLICT

    def __init__(self, conflicts: tuple[MergeConflict, ...]) -> None:
        paths = ", ".join(conflict.path for conflict in conflicts[:3]) + (", …" if len(conflicts) > 3 else "")
        super().__init__(
            f"Both sides changed {paths}: repeat the request with `resolutions` for these paths, or with a `strategy`",
            details={"conflicts": [conflict.as_json() for conflict in conflicts]},
        )
        self.conflicts = conflicts


def merge_branch(
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
        head = heads.load_head(session, project_id, target, lock=not dry_run)
        theirs = resolve_ref(session, project_id, source)
        graph = CommitGraph(session, project_id)
        if graph.is_descendant(head.commit.id, theirs.id):
            return MergeResult(head.commit, fast_forward=False, up_to_date=True, changed=())
        resolver = ConflictResolver(strategy, resolutions or {})
        forward = graph.is_descendant(theirs.id, head.commit.id)
        if forward:
            changes = heads.tree_changes(head.objects, head.commit.tree_hash, theirs.tree_hash)
        else:
            base = merge_base_tree(graph, head.objects, head.commit.id, theirs.id)
            changes = merge_into_head(
                session, head, MergeTrees(base, head.commit.tree_hash, theirs.tree_hash), resolver=resolver
            )
        conflicts = check_conflicts(resolver, raising=not dry_run)
        commit = head.commit
        if not dry_run:
            labels = {"message": canonicalise(message, "message"), "author": canonicalise(author, "author")}
            commit = _move_head(session, head, changes, theirs=theirs, labels=None if forward else labels)
            _copy_production(session, head, changes, source)
        return MergeResult(commit, forward, False, () if conflicts else tuple(describe_changes(changes)), conflicts)


def check_conflicts(resolver: ConflictResolver, *, raising: bool) -> tuple[MergeConflict, ...]:
    """Return the open conflicts, or with `raising` raise MergeConflictError for them.

    Raises InvalidError for resolutions that match no conflict.
    """
    conflicts = resolver.collect_conflicts()
    if conflicts and raising:
        raise MergeConflictError(conflicts)
    return conflicts


def _move_head(
    session: Session, head: Head, changes: Changes, *, theirs: Commit, labels: Mapping[str, str] | None
) -> Commit:
    if labels is None:
        heads.fast_forward(session, head, changes, to=theirs)
        return theirs
    return heads.commit_changes(
        session, head, changes, message=labels["message"], author=labels["author"], merged=theirs
    )


def _copy_production(session: Session, head: Head, changes: Changes, source: str) -> None:
    """Copy results of production from the source branch to the entities that are new in the target."""
    branch = get_branch(session, head.branch.project_id, source)
    new = [at for at, (before, after) in changes.items() if before is None and after is not None]
    if branch is not None and new:
        rows.copy_production_columns(session, branch, head.branch, new)
