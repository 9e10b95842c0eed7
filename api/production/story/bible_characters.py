"""The characters of a bible; every edit is a commit."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, RowId
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.bible_character_bodies import (
    BibleCharacterAnswer,
    BibleCharacterChange,
    BibleCharacterEdited,
    BibleCharacterFields,
    NewBibleCharacter,
    to_answers,
)
from api.production.story.projects import ProjectId
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.reading import Reading, list_present_or_past, read_entity
from api.versions.resources import VersionedResource
from db.models.bibles import BibleCharacter
from tower.story import bibles
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY

router = strict_router(prefix="/api/anime/projects/{project_id}/bible", tags=["bible"])
CHARACTERS = VersionedResource(BibleCharacter, to_answers, BibleCharacterEdited, f"{router.prefix}/characters")


@router.post("/characters", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def add_bible_character(project_id: ProjectId, body: NewBibleCharacter, edit: Editing) -> BibleCharacterEdited:
    """Add a character to the bible. Its name must be unused there."""

    def fields() -> dict[str, Any]:
        bibles.find_bible(edit.session, project_id, body.branch_name or MAIN)
        return _columns(edit.session, project_id, body) | {"bible_key": BIBLE_KEY}

    return create_entity(CHARACTERS, edit, body, project_id=project_id, fields=fields)


@router.get("/characters", responses=error_responses(404))
def list_bible_characters(
    project_id: ProjectId, session: ReadingSession, pages: Pages, branch: BranchQuery = None, at: AtQuery = None
) -> list[BibleCharacterAnswer]:
    """The characters of the bible in the order of creation; in a past state (`at`), by name."""
    return list_present_or_past(CHARACTERS, session, pages, project_id=project_id, branch=branch, at=at)


@router.get("/characters/{character_id}", responses=error_responses(404))
def get_bible_character(project_id: ProjectId, character_id: RowId, read: Reading) -> BibleCharacterAnswer:
    """A character of the bible; `branch` reads another branch, `at` a past state."""
    return read_entity(CHARACTERS, read, character_id, project_id=project_id)


@router.put("/characters/{character_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_bible_character(
    project_id: ProjectId, character_id: RowId, body: BibleCharacterChange, edit: Editing, if_match: IfMatch = None
) -> BibleCharacterEdited:
    """Change the fields that the body has."""
    return change_entity(
        CHARACTERS,
        edit,
        body,
        find=edit.finder(BibleCharacter, character_id, body.branch_name, project_id=project_id),
        if_match=if_match,
        fields=lambda _: _columns(edit.session, project_id, body),
    )


@router.delete("/characters/{character_id}", responses=error_responses(404))
def delete_bible_character(
    project_id: ProjectId, character_id: RowId, edit: Editing, branch: BranchQuery = None
) -> DeletedEntity:
    """Remove a character from the bible, on its branch or on `branch`."""
    return delete_entity(edit, edit.finder(BibleCharacter, character_id, branch, project_id=project_id))


def _columns(session: Session, project_id: int, body: BibleCharacterFields) -> dict[str, Any]:
    given = body.sent_fields()
    if "character_id" in given:
        given["character_key"] = bibles.find_character_key(session, project_id, given.pop("character_id"))
    return given
