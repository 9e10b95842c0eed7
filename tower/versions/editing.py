"""Change content: edits become a commit, and the rows are updated in the same transaction.

No function here ends the transaction; the caller commits it.
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
from tower.versions.fields import complete_new_fields, parse_edit
from tower.versions.heads import Head
from tower.versions.kinds import BIBLE_KEY, KIND_SPECS, Fields, Kind, Row, entity_label
from tower.versions.names import check_names_free
from tower.versions.references import REFERENCED_KINDS, find_referrers, referenced_addresses, rewrite_references
from tower.versions.refs import MAIN, find_branch_name
from tower.versions.rows import Changes
from tower.versions.trees import Address
from tower.versions.values import canonicalise, escape_path_part


class PreconditionFailedError(TowerError):
    """The head of the branch is not the one that the caller expects."""

    code = ErrorCode.PRECONDITION_FAILED
    status = 412


@dataclass(frozen=True)
class EntityEdit:
    """A change to one entity. `fields` may be partial; an unknown key creates the entity, None as `fields` deletes it.

    A field is an attribute of the row that `kinds.KIND_SPECS` lists as content. A new value replaces the whole field.
    The bible's key is `kinds.BIBLE_KEY`.
    """

    kind: Kind
    key: uuid.UUID
    fields: Mapping[str, Any] | None


def commit_edits(
    session: Session,
    *,
    project_id: int,
    branch: str,
    edits: Sequence[EntityEdit],
    message: str,
    author: str,
    expected_head: str | None = None,
) -> Commit:
    """Apply all edits to the head of the branch, or none of them, and return the new head.

    The branch stays locked until the caller commits, so concurrent edits run one after another and none is lost. Edits
    that change nothing make no commit: the current head is returned. `expected_head` is the hash of a commit.
    `main` is created if it is missing. References to a deleted entity are removed. The first scene makes a draft
    project active. Changes of the bible are recorded in bible_history.

    Raises PreconditionFailedError if the head is not `expected_head`, NotFoundError for an unknown project, branch or
    entity to delete, InvalidError for an unknown field or invalid value, ConflictError for a name or number that is
    taken.
    """
    with session.begin_nested():
        head = heads.load_head(session, project_id, branch)
        if expected_head is not None and head.commit.hash != expected_head:
            raise PreconditionFailedError(
                f"The head of branch {branch!r} is now {head.commit.hash[:12]}: read it again and repeat the edit",
                details={"expected": expected_head, "head": head.commit.hash},
            )
        return apply_edits(session, head, edits, message=message, author=author)


def apply_edits(session: Session, head: Head, edits: Sequence[EntityEdit], *, message: str, author: str) -> Commit:
    """Apply the edits as `commit_edits` does, to a locked head. After an error the transaction must end."""
    changes = _resolve_changes(session, head, edits)
    check_names_free(session, head.branch, changes)
    labels = {"message": canonicalise(message, "message"), "author": canonicalise(author, "author")}
    return heads.commit_changes(session, head, changes, **labels)


def create_main(session: Session, project_id: int) -> None:
    """Create the branch `main` of a new project, with a first commit."""
    heads.ensure_branch(session, project_id, MAIN)


def ensure_main(session: Session, project_id: int) -> Branch:
    """Return the branch `main`, created if it is missing. Its first commit contains the rows that it already has."""
    return heads.load_head(session, project_id, MAIN).branch


def get_row(session: Session, project_id: int, branch: str, kind: Kind, *, key: uuid.UUID | int | str) -> Row:
    """Return the current row with this key (UUID) or row id (int or digits). Raises NotFoundError."""
    row: Any = KIND_SPECS[kind].row
    on_branch = select(row).join(Branch, Branch.id == row.branch_id)
    available = on_branch.join(Project, Project.id == Branch.project_id).where(Project.deleted_at.is_(None))
    name = find_branch_name(session, project_id, branch) or branch
    query = available.where(Branch.project_id == project_id, Branch.name == name)
    found: Row | None = None
    match _parse_key(key):
        case uuid.UUID() as by_key:
            found = session.scalar(query.where(row.key == by_key))
        case int() as by_id if by_id < 2**63:
            found = session.scalar(query.where(row.id == by_id))
    if found is None:
        raise NotFoundError(f"There is no {key} among the {kind.value} of project {project_id} on {branch!r}")
    return found


def _parse_key(key: uuid.UUID | int | str) -> uuid.UUID | int | None:
    if not isinstance(key, str):
        return key
    if key.isascii() and key.isdigit():
        return int(key)
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def _resolve_changes(session: Session, head: Head, edits: Sequence[EntityEdit]) -> Changes:
    """Return each affected entity before and after all edits, including entities that refer to deleted ones."""
    before = heads.entities_in_tree(head, head.commit.tree_hash, ((edit.kind, edit.key) for edit in edits))
    after = dict(before)
    for edit in edits:
        after[edit.kind, edit.key] = _apply_edit(edit, after[edit.kind, edit.key])
    deleted = {at: None for at, fields in after.items() if fields is None and before[at] and at[0] in REFERENCED_KINDS}
    if deleted:
        affected = find_referrers(session, head.branch.id, deleted) - before.keys()
        before |= heads.entities_in_tree(head, head.commit.tree_hash, affected)
        after |= {at: before[at] for at in affected}
        after |= {at: rewrite_references(at[0], fields, deleted) for at, fields in _existing(after)}
    _check_references(head, before, after)
    return {at: (before[at], after[at]) for at in after}


def _check_references(
    head: Head, before: Mapping[Address, Fields | None], after: Mapping[Address, Fields | None]
) -> None:
    """Raises InvalidError if an edit adds a reference to an entity that is not on the branch."""
    added = {
        mentioned: at
        for at, fields in _existing(after)
        for mentioned in referenced_addresses(at[0], fields) - referenced_addresses(at[0], before[at] or {})
        if mentioned not in after
    }
    targets = trees.find_entities(head.objects, head.commit.tree_hash, added)
    for (kind, key), (of, _) in added.items():
        if targets[kind, key] is None:
            raise InvalidError.field(f"{of.value}", str(key), f"the key of one of the {kind.value} on the branch")


def _existing(contents: Mapping[Any, Fields | None]) -> Iterable[tuple[Any, Fields]]:
    return [(at, fields) for at, fields in contents.items() if fields is not None]


def _apply_edit(edit: EntityEdit, before: Fields | None) -> Fields | None:
    if edit.fields is None:
        if before is None:
            raise NotFoundError(f"There is no {edit.key} among the {edit.kind.value} to delete")
        return None
    if edit.kind == Kind.BIBLE and edit.key != BIBLE_KEY:
        raise InvalidError.field("key", str(edit.key), f"{BIBLE_KEY}, the key of every bible")
    name = (
        entity_label(edit.kind, before) if before else str(edit.fields.get(KIND_SPECS[edit.kind].name_field, edit.key))
    )
    path = f"{edit.kind.value}/{escape_path_part(name)}"
    given = parse_edit(edit.kind, edit.fields, path)
    return {**before, **given} if before else complete_new_fields(edit.kind, given, path)
