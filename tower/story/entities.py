"""Versioned entities by the id of their row: find them on any branch, and change them with commits.

After an edit raises, its transaction can only be rolled back.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter, ProjectBible
from db.models.characters import Character
from db.models.episodes import Episode, StoryArc
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.styles import StyleTemplate
from db.models.versions import Branch, Commit
from tower.errors import NotFoundError
from tower.versions import branches, editing, heads, history
from tower.versions.heads import Head
from tower.versions.kinds import KIND_SPECS, Fields, Kind, entity_label

Entity = TypeVar("Entity", ProjectBible, BibleCharacter, Character, Scene, Episode, StyleTemplate, StoryArc)
KIND_OF_ROW: Mapping[type[Any], Kind] = {shape.row: kind for kind, shape in KIND_SPECS.items()}
KIND_NAMES = {
    Kind.BIBLE: "bible",
    Kind.BIBLE_CHARACTERS: "bible character",
    Kind.CHARACTERS: "character",
    Kind.SCENES: "scene",
    Kind.EPISODES: "episode",
    Kind.STYLES: "style",
    Kind.STORY_ARCS: "story arc",
}


@dataclass(frozen=True)
class LocatedRow(Generic[Entity]):
    """A row with its project and branch. `head` is the head of the branch if it is locked for a change."""

    row: Entity
    project_id: int
    branch: str
    head: Head | None = None

    @property
    def fields(self) -> Fields:
        return row_fields(self.row)


@dataclass(frozen=True)
class PastEntity:
    """An entity at a ref (`at`) of its project."""

    project_id: int
    key: uuid.UUID
    fields: Fields
    at: str


@dataclass(frozen=True)
class CommitNote:
    """The author and message of a commit. Without a message a default one is used."""

    author: str
    message: str | None = None


def find_entity(
    session: Session,
    kind: type[Entity],
    row_id: int,
    *,
    branch: str | None = None,
    lock: bool = False,
    project_id: int | None = None,
) -> LocatedRow[Entity]:
    """Return the row with this id, or the same entity on another branch.

    `lock` locks the branch against other writers until the transaction ends.
    Raises NotFoundError, also for a row of another project than `project_id`.
    """
    whole = branch is None and not lock
    row_or_key, home_id, own_branch = _locate(session, kind, row_id, whole=whole)
    if project_id not in (None, home_id):
        raise NotFoundError(f"Project {project_id} has no {KIND_NAMES[KIND_OF_ROW[kind]]} {row_id}")
    if whole:
        return LocatedRow(row_or_key, home_id, own_branch)
    return find_by_key(session, kind, row_or_key, project_id=home_id, branch=branch or own_branch, lock=lock)


def find_by_key(
    session: Session, kind: type[Entity], key: uuid.UUID, *, project_id: int, branch: str, lock: bool = False
) -> LocatedRow[Entity]:
    """Return an entity by key.

    Raises NotFoundError for an unknown project or branch, and if the entity is not on this branch.
    """
    branch_row = heads.find_branch(session, project_id, branch, lock=lock)
    parameters = {"branch_id": branch_row.id, "key": key}
    row: Entity | None
    if lock:  # reads the head in the same query, as every change needs it
        row_and_head = session.execute(
            _row_and_head_query(KIND_OF_ROW[kind]), {**parameters, "head_id": branch_row.head_id}
        ).one_or_none()
        row, head = (
            (row_and_head[0], heads.head_at(session, branch_row, row_and_head[1])) if row_and_head else (None, None)
        )
    else:
        row, head = session.scalar(_row_query(KIND_OF_ROW[kind]), parameters), None
    if row is None:
        raise NotFoundError(f"This {KIND_NAMES[KIND_OF_ROW[kind]]} is not on the branch {branch!r}")
    return LocatedRow(row, project_id, branch_row.name, head)


def lock_branch(session: Session, project_id: int, branch: str) -> Head:
    """Lock the branch against other writers until the transaction ends, and return its head. Raises NotFoundError."""
    return heads.load_head(session, project_id, branch)


def select_on_branch(session: Session, kind: type[Entity], *, project_id: int, branch: str) -> Select[Entity]:
    """Return a query for the entities of one kind on a branch.

    Raises NotFoundError for an unknown project or branch.
    """
    return select(kind).where(kind.branch_id == branches.find(session, project_id, branch).id)


def locate_rows(session: Session, rows: Sequence[Entity]) -> list[LocatedRow[Entity]]:
    """Return rows with the names of their branches."""
    branch_ids = {row.branch_id for row in rows if row.branch_id is not None}
    names = {branch_id: session.get_one(Branch, branch_id).name for branch_id in branch_ids}
    return [LocatedRow(row, row.project_id, names[row.branch_id]) for row in rows if row.project_id and row.branch_id]


def find_past(
    session: Session, kind: type[Entity], row_id: int, *, ref: str, project_id: int | None = None
) -> PastEntity:
    """Return the entity of this row at a ref of its project. Raises NotFoundError."""
    found = find_entity(session, kind, row_id, project_id=project_id)
    return find_past_by_key(session, kind, found.row.key, project_id=found.project_id, ref=ref)


def find_past_by_key(session: Session, kind: type[Any], key: uuid.UUID, *, project_id: int, ref: str) -> PastEntity:
    """Return the entity with this key at a ref. Raises NotFoundError."""
    fields = history.entity_at(session, project_id, ref, KIND_OF_ROW[kind], key=key)
    return PastEntity(project_id, key, fields, ref)


def insert_entity(
    session: Session,
    kind: type[Entity],
    fields: Mapping[str, Any],
    *,
    head: Head,
    note: CommitNote,
    key: uuid.UUID | None = None,
) -> LocatedRow[Entity]:
    """Create an entity with a commit.

    Raises the errors of editing.apply: ConflictError for a name or number that is taken, InvalidError, NotFoundError.
    """
    message = note.message or f"Added {_describe(kind, fields)}"
    edit = editing.EntityEdit(KIND_OF_ROW[kind], key or uuid.uuid4(), fields)
    return _commit_edit(session, kind, edit, head, CommitNote(note.author, message))


def update_entity(
    session: Session, located: LocatedRow[Entity], fields: Mapping[str, Any], *, note: CommitNote
) -> LocatedRow[Entity]:
    """Set the given fields with a commit. Raises the errors of editing.apply."""
    kind: type[Entity] = type(located.row)
    message = note.message or f"Changed {_describe(kind, located.fields)}: {', '.join(fields)}"
    edit = editing.EntityEdit(KIND_OF_ROW[kind], located.row.key, fields)
    return _commit_edit(session, kind, edit, _locked_head(session, located), CommitNote(note.author, message))


def remove_entity(session: Session, located: LocatedRow[Entity], *, note: CommitNote) -> Commit:
    """Delete the entity from its branch with a commit; its history stays."""
    kind: type[Entity] = type(located.row)
    message = note.message or f"Deleted {_describe(kind, located.fields)}"
    edit = editing.EntityEdit(KIND_OF_ROW[kind], located.row.key, None)
    return editing.apply_edits(session, _locked_head(session, located), [edit], message=message, author=note.author)


def row_fields(row: Any) -> Fields:
    """Return the versioned fields of a row."""
    return {name: getattr(row, name) for name in KIND_SPECS[KIND_OF_ROW[type(row)]].content_fields}


def _locate(session: Session, kind: type[Any], row_id: int, *, whole: bool) -> Any:
    """Return (the row or only its key, id of its project, name of its branch). Raises NotFoundError."""
    location = session.execute(_locate_query(KIND_OF_ROW[kind], whole), {"row_id": row_id}).one_or_none()
    if location is None:
        raise NotFoundError(f"There is no {KIND_NAMES[KIND_OF_ROW[kind]]} {row_id}")
    return location


# Each statement is built once per kind and not for every request.


@cache
def _locate_query(kind: Kind, whole: bool) -> Select[Any]:
    row: Any = KIND_SPECS[kind].row
    return (
        select(row if whole else row.key, Branch.project_id, Branch.name)
        .join(Branch, Branch.id == row.branch_id)
        .join(Project, Project.id == row.project_id)
        .where(row.id == bindparam("row_id"), Project.deleted_at.is_(None))
        .execution_options(populate_existing=True)
    )


@cache
def _row_query(kind: Kind) -> Select[Any]:
    row: Any = KIND_SPECS[kind].row
    query = select(row).where(row.branch_id == bindparam("branch_id"), row.key == bindparam("key"))
    return query.execution_options(populate_existing=True)


@cache
def _row_and_head_query(kind: Kind) -> Select[Any]:
    return _row_query(kind).add_columns(Commit).join(Commit, Commit.id == bindparam("head_id"))


def _locked_head(session: Session, found: LocatedRow[Any]) -> Head:
    return found.head or lock_branch(session, found.project_id, found.branch)


def _commit_edit(
    session: Session, kind: type[Entity], edit: editing.EntityEdit, head: Head, note: CommitNote
) -> LocatedRow[Entity]:
    commit = editing.apply_edits(session, head, [edit], message=note.message or "", author=note.author)
    row = session.scalars(_row_query(KIND_OF_ROW[kind]), {"branch_id": head.branch.id, "key": edit.key}).one()
    return LocatedRow(row, head.branch.project_id, head.branch.name, heads.head_at(session, head.branch, commit))


def _describe(kind: type[Any], fields: Mapping[str, Any]) -> str:
    return f"{KIND_NAMES[KIND_OF_ROW[kind]]} {entity_label(KIND_OF_ROW[kind], fields)}"
