"""Tags: fixed names of commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.versions import Tag
from tower.errors import NotFoundError
from tower.versions.history import resolve_ref
from tower.versions.refs import check_project_exists, find_tag, parse_new_name


def create(session: Session, project_id: int, name: str, ref: str, *, author: str, message: str = "") -> Tag:
    """Tag the commit at `ref`.

    Raises ConflictError if a tag or branch has this name, InvalidError for an invalid name, NotFoundError for an
    unknown project or ref.
    """
    check_project_exists(session, project_id)
    name = parse_new_name(session, project_id, name, field="tag_name")
    commit = resolve_ref(session, project_id, ref)
    tag = Tag(project_id=project_id, name=name, commit_id=commit.id, author=author, message=message)
    session.add(tag)
    session.flush()
    return tag


def delete(session: Session, project_id: int, name: str) -> None:
    """Raises NotFoundError."""
    tag = find_tag(session, project_id, name)
    if tag is None:
        raise NotFoundError(f"Project {project_id} has no tag {name!r}")
    session.delete(tag)
    session.flush()


def list_all(session: Session, project_id: int) -> Sequence[Tag]:
    """Return all tags of the project, by name."""
    check_project_exists(session, project_id)
    return session.scalars(select(Tag).where(Tag.project_id == project_id).order_by(Tag.name)).all()
