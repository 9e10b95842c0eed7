"""Taking changes back: a commit undone, an entity as it was. Both are new commits; the past stays."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from db.models.versions import Commit
from tower.errors import InvalidError
from tower.versions import editing, heads, history
from tower.versions.comparing import described
from tower.versions.editing import Edit
from tower.versions.kinds import Kind, label
from tower.versions.merge.apply import Trees, join
from tower.versions.merge.branches import MergeResult, settled
from tower.versions.merge.conflicts import Resolver, Strategy
from tower.versions.references import mentions, rewritten
from tower.versions.values import canonical


def revert(
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
    """Undo on `branch` what the commit at `ref` changed (a merge: what it brought in). The caller commits.

    What was changed again since is a conflict: ours is the branch, theirs the state before the commit.
    Raises MergeConflictError, NotFoundError, and InvalidError for a first commit.
    """
    with session.begin_nested():
        head = heads.taken(session, project_id, branch)
        undone = history.resolve(session, project_id, ref)
        if undone.parent_id is None:
            raise InvalidError.field("ref", ref, "a commit that follows another: there is nothing before the first")
        before = session.get_one(Commit, undone.parent_id)
        resolver = Resolver(strategy, resolutions or {})
        states = Trees(undone.tree_hash, head.commit.tree_hash, before.tree_hash)
        changes = join(session, head, states, resolver=resolver)
        settled(resolver, raising=True)
        said = canonical(message or f"Revert “{undone.message}” ({undone.hash[:12]})", "message")
        made = heads.advance(session, head, changes, message=said, author=canonical(author, "author"))
        changed = tuple(described(changes))
        return MergeResult(made, fast_forward=False, up_to_date=not changed, changed=changed)


def restore(
    session: Session, *, project_id: int, branch: str, kind: Kind, key: uuid.UUID, ref: str, author: str
) -> Commit:
    """Make the entity on `branch` what it was at `ref`, without mentions of what is no longer on the branch.

    Raises NotFoundError if it was not there, InvalidError for a bible's character without the bible, ConflictError
    if its name or number is taken.
    """
    with session.begin_nested():
        head = heads.taken(session, project_id, branch)
        fields = history.entity_at(session, project_id, ref, kind, key=key)
        there = heads.contents(head, head.commit.tree_hash, mentions(kind, fields))
        whole = rewritten(kind, fields, {at: None for at, found in there.items() if found is None})
        if whole is None:
            raise InvalidError(f"{label(kind, fields)!r} belongs to the bible: restore that first")
        return editing.commit(
            session,
            project_id=project_id,
            branch=branch,
            edits=[Edit(kind, key, whole)],
            message=f"Restore {label(kind, fields)} as it was at {ref}",
            author=author,
        )
