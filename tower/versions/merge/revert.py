"""Undo a commit, or restore an entity to a past state. Both make new commits and keep the history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from db.models.versions import Commit
from tower.errors import InvalidError
from tower.versions import editing, heads, history
from tower.versions.comparing import describe_changes
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind, entity_label
from tower.versions.merge.apply import MergeTrees, merge_into_head
from tower.versions.merge.branches import MergeResult, check_conflicts
from tower.versions.merge.conflicts import ConflictResolver, Strategy
from tower.versions.references import referenced_addresses, rewrite_references
from tower.versions.values import canonicalise


def revert_commit(
    session: Session,
    *,
    project_id: int,
    branch: str,
    ref: str,
    author: str,
    message: str | None = None,
    strategy: Strategy | None = None,
    resolutions: Mapping[str, Any] | None = None,
) -> MergeResult:
    """Undo on `branch` the changes of the commit at `ref`; for a merge, what it brought in. The caller commits.

    Values that have changed again since conflict: ours is the branch, theirs the state before the commit.
    Raises MergeConflictError, NotFoundError, and InvalidError for a first commit.
    """
    with session.begin_nested():
        head = heads.load_head(session, project_id, branch)
        undone = history.resolve_ref(session, project_id, ref)
        if undone.parent_id is None:
            raise InvalidError.field("ref", ref, "a commit with a parent; the first commit cannot be reverted")
        before = session.get_one(Commit, undone.parent_id)
        resolver = ConflictResolver(strategy, resolutions or {})
        states = MergeTrees(undone.tree_hash, head.commit.tree_hash, before.tree_hash)
        changes = merge_into_head(session, head, states, resolver=resolver)
        check_conflicts(resolver, raising=True)
        text = canonicalise(message or f"Revert “{undone.message}” ({undone.hash[:12]})", "message")
        commit = heads.commit_changes(session, head, changes, message=text, author=canonicalise(author, "author"))
        changed = tuple(describe_changes(changes))
        return MergeResult(commit, fast_forward=False, up_to_date=not changed, changed=changed)


def restore_entity(
    session: Session, *, project_id: int, branch: str, kind: Kind, key: uuid.UUID, ref: str, author: str
) -> Commit:
    """Restore the entity on `branch` to its state at `ref`, without references to entities that the branch lacks.

    Raises NotFoundError if the entity is absent at `ref`, InvalidError for a bible's character without the bible,
    ConflictError if its name or number is taken.
    """
    with session.begin_nested():
        head = heads.load_head(session, project_id, branch)
        fields = history.entity_at(session, project_id, ref, kind, key=key)
        targets = heads.entities_in_tree(head, head.commit.tree_hash, referenced_addresses(kind, fields))
        restored = rewrite_references(kind, fields, {at: None for at, found in targets.items() if found is None})
        if restored is None:
            raise InvalidError(
                f"{entity_label(kind, fields)!r} belongs to the bible of {branch!r}: restore the bible first"
            )
        return editing.commit_edits(
            session,
            project_id=project_id,
            branch=branch,
            edits=[EntityEdit(kind, key, restored)],
            message=f"Restore {entity_label(kind, fields)} as it was at {ref}",
            author=author,
        )
