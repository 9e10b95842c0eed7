"""Versioned entities by the id of their row: find them on any branch, and change them with commits.

After an edit raises, its transaction can only be rolled back.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter, ProjectBible
from db.models.characters import Character
from db.models.episodes import StoryArc
from db.models.projects import Project
from db.models.scenes import Scene
from db.models.styles import StyleTemplate
from db.models.versions import Branch, Commit
from tower.errors import NotFoundError
from tower.versions import branches, editing, heads, history
from tower.versions.heads import Head
from tower.versions.kinds import SHAPES, Fields, Kind, label

Entity = TypeVar("Entity", ProjectBible, BibleCharacter, Character, Scene, StyleTemplate, StoryArc)
KINDS: Mapping[type[Any], Kind] = {shape.row: kind for kind, shape in SHAPES.items()}
CALLED = {
    Kind.BIBLE: "bible",
    Kind.BIBLE_CHARACTERS: "bible character",
    Kind.CHARACTERS: "character",
    Kind.SCENES: "scene",
    Kind.EPISODES: "episode",
    Kind.STYLES: "style",
    Kind.STORY_ARCS: "story arc",
}


@dataclass(frozen=True)
class Found(Generic[Entity]):
    """A row with its project and branch. `head` is the head of the branch if it is locked for a change."""

    row: Entity
    project_id: int
    branch: str
    head: Head | None = None

    @property
    def fields(self) -> Fields:
        return content(self.row)


@dataclass(frozen=True)
class PastEntity:
    """An entity at a ref (`at`) of its project."""

    project_id: int
    key: uuid.UUID
    fields: Fields
    at: str


@dataclass(frozen=True)
class Note:
    """The author and message of a commit. Without a message a default one is used."""

    author: str
    message: str | None = None


def find(
    session: Session,
    kind: type[Entity],
    row_id: int,
    *,
    branch: str | None = None,
    to_change: bool = False,
    project_id: int | None = None,
) -> Found[Entity]:
    """Return the row with this id, or the same entity on another branch.

    `to_change` locks the branch against other writers until the transaction ends.
    Raises NotFoundError, also for a row of another project than `project_id`.
    """
    whole = branch is None and not to_change
    row_or_key, home_id, own_branch = _locate(session, kind, row_id, whole=whole)
    if project_id not in (None, home_id):
        raise NotFoundError(f"Project {project_id} has no {CALLED[KINDS[kind]]} {row_id}")
    if whole:
        return Found(row_or_key, home_id, own_branch)
    return find_key(session, kind, row_or_key, project_id=home_id, branch=branch or own_branch, to_change=to_change)


def find_key(
    session: Session, kind: type[Entity], key: uuid.UUID, *, project_id: int, branch: str, to_change: bool = False
) -> Found[Entity]:
    """Return an entity by key.

    Raises NotFoundError for an unknown project or branch, and if the entity is not on this branch.
    """
    branch_row = heads.line(session, project_id, branch, lock=to_change)
    parameters = {"branch_id": branch_row.id, "key": key}
    row: Entity | None
    if to_change:  # reads the head in the same query, as every change needs it
        row_and_head = session.execute(
            _row_and_head_query(KINDS[kind]), {**parameters, "head_id": branch_row.head_id}
        ).one_or_none()
        row, head = (row_and_head[0], heads.at(session, branch_row, row_and_head[1])) if row_and_head else (None, None)
    else:
        row, head = session.scalar(_row_query(KINDS[kind]), parameters), None
    if row is None:
        raise NotFoundError(f"This {CALLED[KINDS[kind]]} is not on the branch {branch!r}")
    return Found(row, project_id, branch, head)


def held(session: Session, project_id: int, branch: str) -> Head:
    """Lock the branch against other writers until the transaction ends, and return its head. Raises NotFoundError."""
    return heads.taken(session, project_id, branch)


def on_branch(session: Session, kind: type[Entity], *, project_id: int, branch: str) -> Select[Entity]:
    """Return a query for the entities of one kind on a branch.

    Raises NotFoundError for an unknown project or branch.
    """
    return select(kind).where(kind.branch_id == branches.find(session, project_id, branch).id)


def past(session: Session, kind: type[Entity], row_id: int, *, at: str, project_id: int | None = None) -> PastEntity:
    """Return the entity of this row at a ref of its project. Raises NotFoundError."""
    found = find(session, kind, row_id, project_id=project_id)
    return past_by_key(session, kind, found.row.key, project_id=found.project_id, at=at)


def past_by_key(session: Session, kind: type[Any], key: uuid.UUID, *, project_id: int, at: str) -> PastEntity:
    """Return the entity with this key at a ref. Raises NotFoundError."""
    fields = history.entity_at(session, project_id, at, KINDS[kind], key=key)
    return PastEntity(project_id, key, fields, at)


def create(
    session: Session,
    kind: type[Entity],
    fields: Mapping[str, Any],
    *,
    on: Head,
    note: Note,
    key: uuid.UUID | None = None,
) -> Found[Entity]:
    """Create an entity with a commit.

    Raises the errors of editing.apply: ConflictError for a name or number that is taken, InvalidError, NotFoundError.
    """
    message = note.message or f"Added {_describe(kind, fields)}"
    edit = editing.Edit(KINDS[kind], key or uuid.uuid4(), fields)
    return _commit_edit(session, kind, edit, on, Note(note.author, message))


def change(session: Session, found: Found[Entity], fields: Mapping[str, Any], *, note: Note) -> Found[Entity]:
    """Set the given fields with a commit. Raises the errors of editing.apply."""
    kind: type[Entity] = type(found.row)
    message = note.message or f"Changed {_describe(kind, found.fields)}: {', '.join(fields)}"
    edit = editing.Edit(KINDS[kind], found.row.key, fields)
    return _commit_edit(session, kind, edit, _locked_head(session, found), Note(note.author, message))


def delete(session: Session, found: Found[Entity], *, note: Note) -> Commit:
    """Delete the entity from its branch with a commit; its history stays."""
    kind: type[Entity] = type(found.row)
    message = note.message or f"Deleted {_describe(kind, found.fields)}"
    edit = editing.Edit(KINDS[kind], found.row.key, None)
    return editing.apply(session, _locked_head(session, found), [edit], message=message, author=note.author)


def content(row: Any) -> Fields:
    """Return the versioned fields of a row."""
    return {name: getattr(row, name) for name in SHAPES[KINDS[type(row)]].content}


def _locate(session: Session, kind: type[Any], row_id: int, *, whole: bool) -> Any:
    """Return (the row or only its key, id of its project, name of its branch). Raises NotFoundError."""
    location = session.execute(_locate_query(KINDS[kind], whole), {"row_id": row_id}).one_or_none()
    if location is None:
        raise NotFoundError(f"There is no {CALLED[KINDS[kind]]} {row_id}")
    return location


# Each statement is built once per kind and not for every request.


@cache
def _locate_query(kind: Kind, whole: bool) -> Select[Any]:
    row: Any = SHAPES[kind].row
    return (
        select(row if whole else row.key, Branch.project_id, Branch.name)
        .join(Branch, Branch.id == row.branch_id)
        .join(Project, Project.id == row.project_id)
        .where(row.id == bindparam("row_id"), Project.deleted_at.is_(None))
        .execution_options(populate_existing=True)
    )


@cache
def _row_query(kind: Kind) -> Select[Any]:
    row: Any = SHAPES[kind].row
    query = select(row).where(row.branch_id == bindparam("branch_id"), row.key == bindparam("key"))
    return query.execution_options(populate_existing=True)


@cache
def _row_and_head_query(kind: Kind) -> Select[Any]:
    return _row_query(kind).add_columns(Commit).join(Commit, Commit.id == bindparam("head_id"))


def _locked_head(session: Session, found: Found[Any]) -> Head:
    return found.head or held(session, found.project_id, found.branch)


def _commit_edit(session: Session, kind: type[Entity], edit: editing.Edit, head: Head, note: Note) -> Found[Entity]:
    commit = editing.apply(session, head, [edit], message=note.message or "", author=note.author)
    row = session.scalars(_row_query(KINDS[kind]), {"branch_id": head.branch.id, "key": edit.key}).one()
    return Found(row, head.branch.project_id, head.branch.name, heads.at(session, head.branch, commit))


def _describe(kind: type[Any], fields: Mapping[str, Any]) -> str:
    return f"{CALLED[KINDS[kind]]} {label(KINDS[kind], fields)}"
