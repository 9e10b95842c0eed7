"""The one way to change creative state: edits become a commit, and the rows follow in the same transaction.

No function here ends the transaction; the caller commits.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.versions import Branch, Commit
from tower.errors import InvalidError, NotFoundError, TowerError
from tower.errors.codes import ErrorCode
from tower.versions import heads, trees
from tower.versions.fields import checked, whole
from tower.versions.heads import Head
from tower.versions.kinds import BIBLE_KEY, SHAPES, Fields, Kind, Row, label
from tower.versions.references import MENTIONED, mentions, referrers, rewritten
from tower.versions.refs import MAIN
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import canonical, escaped


class PreconditionFailedError(TowerError):
    """The branch is not where the caller believed it to be."""

    code = ErrorCode.PRECONDITION_FAILED
    status = 412


@dataclass(frozen=True)
class Edit:
    """A change to one entity. Partial `fields` change it, an unknown key creates it, None deletes it.

    A field is an attribute of the row that `kinds.SHAPES` lists as content; a new value replaces the whole field.
    The bible's key is `kinds.BIBLE_KEY`.
    """

    kind: Kind
    key: uuid.UUID
    fields: Mapping[str, Any] | None


def commit(
    session: Session,
    *,
    project_id: int,
    branch: str,
    edits: Sequence[Edit],
    message: str,
    author: str,
    expected_head: str | None = None,
) -> Commit:
    """Apply the edits to the branch's head, all or none, and answer the new head. The caller commits.

    The branch stays locked until then, so edits of several writers follow each other and none is lost. Edits that
    change nothing make no commit: the answer is the head as it was. `expected_head` is a commit's hash.
    `main` is made if it is not there yet. A deleted entity is taken out of what refers to it. The first scene makes a
    draft project active. Bible changes are noted in bible_history.

    Raises PreconditionFailedError if the head is not `expected_head`, NotFoundError for an unknown project, branch or
    entity to delete, InvalidError for a field or value that cannot be, ConflictError for a name or number that is
    taken.
    """
    with session.begin_nested():
        head = heads.taken(session, project_id, branch)
        if expected_head is not None and head.commit.hash != expected_head:
            raise PreconditionFailedError(
                f"Branch {branch!r} has moved on to {head.commit.hash[:12]}: read it again and repeat the edit",
                details={"expected": expected_head, "head": head.commit.hash},
            )
        return apply(session, head, edits, message=message, author=author)


def apply(session: Session, head: Head, edits: Sequence[Edit], *, message: str, author: str) -> Commit:
    """`commit` on a head that is held already. Where it raises, the transaction cannot be used any more."""
    changes = _changes(session, head, edits)
    said = {"message": canonical(message, "message"), "author": canonical(author, "author")}
    return heads.advance(session, head, changes, **said)


def begin_main(session: Session, project_id: int) -> None:
    """The branch `main` of a project that has just been made, with a first commit."""
    heads.begun(session, project_id, MAIN)


def ensure_main(session: Session, project_id: int) -> Branch:
    """The branch `main` with a first commit, made if it is not there. Rows that it has already are taken up in it."""
    return heads.taken(session, project_id, MAIN).branch


def entity(session: Session, project_id: int, branch: str, kind: Kind, *, key: uuid.UUID | int | str) -> Row:
    """The current row by its key (UUID) or its row id (int or digits). Raises NotFoundError."""
    row: Any = SHAPES[kind].row
    wanted = select(row).join(Branch, Branch.id == row.branch_id)
    kept = wanted.join(Project, Project.id == Branch.project_id).where(Project.deleted_at.is_(None))
    mine = kept.where(Branch.project_id == project_id, Branch.name == branch)
    found: Row | None = None
    match _address(key):
        case uuid.UUID() as by_key:
            found = session.scalar(mine.where(row.key == by_key))
        case int() as by_id if by_id < 2**63:
            found = session.scalar(mine.where(row.id == by_id))
    if found is None:
        raise NotFoundError(f"There is no {key} among the {kind.value} of project {project_id} on {branch!r}")
    return found


def _address(key: uuid.UUID | int | str) -> uuid.UUID | int | None:
    if not isinstance(key, str):
        return key
    if key.isascii() and key.isdigit():
        return int(key)
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def _changes(session: Session, head: Head, edits: Sequence[Edit]) -> Changes:
    """Each touched entity before and after, later edits upon earlier ones, with what follows from deletes."""
    before = heads.contents(head, head.commit.tree_hash, ((edit.kind, edit.key) for edit in edits))
    after = dict(before)
    for edit in edits:
        after[edit.kind, edit.key] = _edited(edit, after[edit.kind, edit.key])
    gone = {at: None for at, fields in after.items() if fields is None and before[at] and at[0] in MENTIONED}
    if gone:
        near = referrers(session, head.branch.id, gone) - before.keys()
        before |= heads.contents(head, head.commit.tree_hash, near)
        after |= {at: before[at] for at in near}
        after |= {at: rewritten(at[0], fields, gone) for at, fields in _present(after)}
    _check_mentions(head, before, after)
    return {at: (before[at], after[at]) for at in after}


def _check_mentions(
    head: Head, before: Mapping[Address, Fields | None], after: Mapping[Address, Fields | None]
) -> None:
    """Raises InvalidError if an edit begins to mention what is not there."""
    fresh = {
        mentioned: at
        for at, fields in _present(after)
        for mentioned in mentions(at[0], fields) - mentions(at[0], before[at] or {})
        if mentioned not in after
    }
    there = trees.find(head.objects, head.commit.tree_hash, fresh)
    for (kind, key), (of, _) in fresh.items():
        if there[kind, key] is None:
            raise InvalidError.field(f"{of.value}", str(key), f"the key of one of the {kind.value} on the branch")


def _present(contents: Mapping[Any, Fields | None]) -> Iterable[tuple[Any, Fields]]:
    return [(at, fields) for at, fields in contents.items() if fields is not None]


def _edited(edit: Edit, before: Fields | None) -> Fields | None:
    if edit.fields is None:
        if before is None:
            raise NotFoundError(f"There is no {edit.key} among the {edit.kind.value} to delete")
        return None
    if edit.kind == Kind.BIBLE and edit.key != BIBLE_KEY:
        raise InvalidError.field("key", str(edit.key), f"{BIBLE_KEY}, the key of every bible")
    name = label(edit.kind, before) if before else str(edit.fields.get(SHAPES[edit.kind].named_by, edit.key))
    path = f"{edit.kind.value}/{escaped(name)}"
    given = checked(edit.kind, edit.fields, path)
    return {**before, **given} if before else whole(edit.kind, given, path)
