"""Creative things by the id of their row: found on any branch, and changed by commits.

Where an edit raises, its transaction can only be rolled back.
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
    """A row, and where it is. `head`: of the branch, if it is held for a change."""

    row: Entity
    project_id: int
    branch: str
    head: Head | None = None

    @property
    def fields(self) -> Fields:
        return content(self.row)


@dataclass(frozen=True)
class PastEntity:
    """An entity as it was at a commit or tag (`at`) of its project."""

    project_id: int
    key: uuid.UUID
    fields: Fields
    at: str


@dataclass(frozen=True)
class Note:
    """What is noted with a change. Without a message one is made."""

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
    """The row of this id, or the same thing on another branch. Raises NotFoundError, for one of another project too.

    `to_change` keeps other writers off the branch until the transaction ends.
    """
    whole = branch is None and not to_change
    row_or_key, home_id, own_branch = _home(session, kind, row_id, whole=whole)
    if project_id not in (None, home_id):
        raise NotFoundError(f"Project {project_id} has no {CALLED[KINDS[kind]]} {row_id}")
    if whole:
        return Found(row_or_key, home_id, own_branch)
    return find_key(session, kind, row_or_key, project_id=home_id, branch=branch or own_branch, to_change=to_change)


def find_key(
    session: Session, kind: type[Entity], key: uuid.UUID, *, project_id: int, branch: str, to_change: bool = False
) -> Found[Entity]:
    """Raises NotFoundError for an unknown project or branch, and if the thing is not on this branch."""
    line = heads.line(session, project_id, branch, lock=to_change)
    here = {"branch_id": line.id, "key": key}
    row: Entity | None
    if to_change:  # with the head, which every change begins with
        both = session.execute(_on_line_with(KINDS[kind]), {**here, "head_id": line.head_id}).one_or_none()
        row, head = (both[0], heads.at(session, line, both[1])) if both else (None, None)
    else:
        row, head = session.scalar(_on_line(KINDS[kind]), here), None
    if row is None:
        raise NotFoundError(f"This {CALLED[KINDS[kind]]} is not on the branch {branch!r}")
    return Found(row, project_id, branch, head)


def held(session: Session, project_id: int, branch: str) -> Head:
    """The head of the branch, kept from other writers until the transaction ends. Raises NotFoundError."""
    return heads.taken(session, project_id, branch)


def on_branch(session: Session, kind: type[Entity], *, project_id: int, branch: str) -> Select[Entity]:
    """All of one kind on a branch, to be narrowed and ordered. Raises NotFoundError for the project and the branch."""
    return select(kind).where(kind.branch_id == branches.find(session, project_id, branch).id)


def past(session: Session, kind: type[Entity], row_id: int, *, at: str, project_id: int | None = None) -> PastEntity:
    """The thing of this row as it was at a commit or tag of its project. Raises NotFoundError."""
    found = find(session, kind, row_id, project_id=project_id)
    return past_by_key(session, kind, found.row.key, project_id=found.project_id, at=at)


def past_by_key(session: Session, kind: type[Any], key: uuid.UUID, *, project_id: int, at: str) -> PastEntity:
    """Raises NotFoundError."""
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
    """Raises what editing.apply raises: ConflictError for a taken name or number, InvalidError, NotFoundError."""
    message = note.message or f"Added {_named(kind, fields)}"
    edit = editing.Edit(KINDS[kind], key or uuid.uuid4(), fields)
    return _committed(session, kind, edit, on, Note(note.author, message))


def change(session: Session, found: Found[Entity], fields: Mapping[str, Any], *, note: Note) -> Found[Entity]:
    """Set some fields. Raises what editing.apply raises."""
    kind: type[Entity] = type(found.row)
    message = note.message or f"Changed {_named(kind, found.fields)}: {', '.join(fields)}"
    edit = editing.Edit(KINDS[kind], found.row.key, fields)
    return _committed(session, kind, edit, _head(session, found), Note(note.author, message))


def delete(session: Session, found: Found[Entity], *, note: Note) -> Commit:
    """Delete it from its branch; its past stays in the commits."""
    kind: type[Entity] = type(found.row)
    message = note.message or f"Deleted {_named(kind, found.fields)}"
    edit = editing.Edit(KINDS[kind], found.row.key, None)
    return editing.apply(session, _head(session, found), [edit], message=message, author=note.author)


def content(row: Any) -> Fields:
    """What is versioned of a row."""
    return {name: getattr(row, name) for name in SHAPES[KINDS[type(row)]].content}


def _home(session: Session, kind: type[Any], row_id: int, *, whole: bool) -> Any:
    """(the row, or only its key, the id of its project, the name of its branch). Raises NotFoundError."""
    home = session.execute(_home_of(KINDS[kind], whole), {"row_id": row_id}).one_or_none()
    if home is None:
        raise NotFoundError(f"There is no {CALLED[KINDS[kind]]} {row_id}")
    return home


# Statements are made once a kind, not at every request.


@cache
def _home_of(kind: Kind, whole: bool) -> Select[Any]:
    row: Any = SHAPES[kind].row
    return (
        select(row if whole else row.key, Branch.project_id, Branch.name)
        .join(Branch, Branch.id == row.branch_id)
        .join(Project, Project.id == row.project_id)
        .where(row.id == bindparam("row_id"), Project.deleted_at.is_(None))
        .execution_options(populate_existing=True)
    )


@cache
def _on_line(kind: Kind) -> Select[Any]:
    row: Any = SHAPES[kind].row
    wanted = select(row).where(row.branch_id == bindparam("branch_id"), row.key == bindparam("key"))
    return wanted.execution_options(populate_existing=True)


@cache
def _on_line_with(kind: Kind) -> Select[Any]:
    return _on_line(kind).add_columns(Commit).join(Commit, Commit.id == bindparam("head_id"))


def _head(session: Session, found: Found[Any]) -> Head:
    return found.head or held(session, found.project_id, found.branch)


def _committed(session: Session, kind: type[Entity], edit: editing.Edit, head: Head, note: Note) -> Found[Entity]:
    made = editing.apply(session, head, [edit], message=note.message or "", author=note.author)
    row = session.scalars(_on_line(KINDS[kind]), {"branch_id": head.branch.id, "key": edit.key}).one()
    return Found(row, head.branch.project_id, head.branch.name, heads.at(session, head.branch, made))


def _named(kind: type[Any], fields: Mapping[str, Any]) -> str:
    return f"{CALLED[KINDS[kind]]} {label(KINDS[kind], fields)}"
