"""Write commits, together with their objects and the head of their branch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models.versions import Branch, Commit
from tower.errors import ConflictError
from tower.versions.objects import INSERT_OBJECTS, ObjectStore
from tower.versions.values import encode_canonical

_COLUMNS = (
    *("project_id", "hash", "tree_hash", "parent_id", "merged_id", "generation"),
    *("branch_name", "message", "author", "created_at"),
)
_RECORD = select(Commit).from_statement(
    text(
        f"with stored as ({INSERT_OBJECTS}),"
        f" made as (insert into anime_api.commits ({', '.join(_COLUMNS)})"
        f" values ({', '.join(f':{column}' for column in _COLUMNS)}) returning *),"
        " moved as (update anime_api.branches b set head_id = made.id, updated_at = made.created_at from made"
        " where b.id = :branch_id and b.head_id is not distinct from :parent_id returning b.id)"
        " select made.* from made, moved"
    )
)


@dataclass(frozen=True)
class CommitDraft:
    """The content of a commit before it is written. `merged` is the second parent of a merge."""

    tree: str
    message: str
    author: str
    parent: Commit | None = None
    merged: Commit | None = None

    @property
    def parents(self) -> list[Commit]:
        return [parent for parent in (self.parent, self.merged) if parent is not None]


def record(session: Session, branch: Branch, objects: ObjectStore, draft: CommitDraft) -> Commit:
    """Write the pending objects, the commit and the branch's new head, with one statement to keep the lock short.

    Raises ConflictError if the head of the branch is not the commit's parent. This never happens to the holder of the
    branch's lock.
    """
    session.flush()
    commit = Commit(
        project_id=branch.project_id,
        tree_hash=draft.tree,
        parent_id=draft.parent and draft.parent.id,
        merged_id=draft.merged and draft.merged.id,
        generation=max((parent.generation for parent in draft.parents), default=-1) + 1,
        branch_name=branch.name,
        message=draft.message,
        author=draft.author,
        created_at=datetime.now(UTC),
    )
    commit.hash = commit_hash(commit, (parent.hash for parent in draft.parents))
    values = {column: getattr(commit, column) for column in _COLUMNS}
    with objects.pending_insert() as object_values:
        stored: Commit | None = session.scalar(_RECORD, {**values, **object_values, "branch_id": branch.id})
    session.expire(branch, ["head_id", "updated_at"])
    if stored is None:
        raise ConflictError(f"Branch {branch.name!r} has changed in the meantime: read it again and repeat the edit")
    return stored


def commit_hash(commit: Commit, parents: Iterable[str]) -> str:
    """Return the sha256 over tree, parents, message, author and time, in hex."""
    content = {
        "tree": commit.tree_hash,
        "parents": list(parents),
        "message": commit.message,
        "author": commit.author,
        "created_at": commit.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return hashlib.sha256(encode_canonical(content)).hexdigest()
