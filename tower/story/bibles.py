"""The bible of a project on a branch, its characters and its history."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.bibles import BibleHistory, BiblePart, ProjectBible
from db.models.characters import Character
from tower.errors import ConflictError, NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.story import entities
from tower.story.entities import LocatedRow
from tower.versions import branches
from tower.versions.heads import Head
from tower.versions.kinds import BIBLE_KEY


def find_bible(session: Session, project_id: int, branch: str, *, lock: bool = False) -> LocatedRow[ProjectBible]:
    """Return the bible of a branch. Raises NotFoundError for an unknown project or branch, and if it has no bible."""
    return entities.find_by_key(session, ProjectBible, BIBLE_KEY, project_id=project_id, branch=branch, lock=lock)


def check_no_bible(session: Session, head: Head) -> None:
    """Raises ConflictError if the branch, which is locked, already has a bible."""
    if session.scalar(select(ProjectBible.id).where(ProjectBible.branch_id == head.branch.id)) is not None:
        project_id, name = head.branch.project_id, head.branch.name
        raise ConflictError(f"Project {project_id} already has a bible on branch {name!r}: change it with PUT")


def find_character_key(session: Session, project_id: int, character_id: int | uuid.UUID | None) -> uuid.UUID | None:
    """Return the key of a character of this project, given by id or key; None for none. Raises NotFoundError."""
    if character_id is None:
        return None
    if isinstance(character_id, uuid.UUID):
        known = select(Character.key).where(Character.project_id == project_id, Character.key == character_id)
        if session.scalar(known.limit(1)) is None:
            raise NotFoundError(f"Project {project_id} has no character {character_id}")
        return character_id
    return entities.find_entity(session, Character, character_id, project_id=project_id).row.key


def list_changes(
    session: Session, project_id: int, branch: str, *, part: BiblePart | None, page_request: PageRequest
) -> Page[BibleHistory]:
    """List the changes to the bible and its characters on the branch, newest first. Raises NotFoundError."""
    name = branches.find(session, project_id, branch).name
    rows = select(BibleHistory).where(BibleHistory.project_id == project_id, BibleHistory.branch_name == name)
    if part is not None:
        rows = rows.where(BibleHistory.part == part)
    return fetch_page(session, rows, BibleHistory.id, page=page_request, newest_first=True)
