"""Characters: create, list, change and delete them on any branch; every edit is a commit."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, ProjectQuery, RowId, StorableText
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.character_bodies import (
    CharacterAnswer,
    CharacterChange,
    CharacterEdited,
    NewCharacter,
    to_answers,
)
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.entity_history import EntityVersion
from api.versions.reading import Reading, list_present_or_past, list_versions, read_entity
from api.versions.resources import VersionedResource
from db.models.characters import Character
from tower.story.media_references import resolve_files
from tower.versions.names import contains_part

router = strict_router(prefix="/api/anime", tags=["characters"])
CHARACTERS = VersionedResource(Character, to_answers, CharacterEdited, f"{router.prefix}/characters")


@router.post("/characters", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_character(body: NewCharacter, edit: Editing) -> CharacterEdited:
    """Create a character. Its name must be unused on the branch."""
    fields = resolve_files(body.sent_fields(), edit.settings)
    return create_entity(CHARACTERS, edit, body, project_id=body.project_id, fields=lambda: fields)


@router.get("/characters", responses=error_responses(404))
def list_characters(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    *,
    branch: BranchQuery = None,
    at: AtQuery = None,
    name: Annotated[StorableText | None, Query(max_length=100, description="A part of the name, in any case.")] = None,
) -> list[CharacterAnswer]:
    """The characters of a project, in the order of creation; in a past state (`at`), by name."""
    where = [contains_part(Character.name, name)] if name else []
    return list_present_or_past(
        CHARACTERS, session, pages, project_id=project_id, branch=branch, at=at, where=where, name=name or ""
    )


@router.get("/characters/{character_id}", responses=error_responses(404))
def get_character(character_id: RowId, read: Reading) -> CharacterAnswer:
    """A character; `branch` reads another branch, `at` a past state."""
    return read_entity(CHARACTERS, read, character_id)


@router.put("/characters/{character_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_character(
    character_id: RowId, body: CharacterChange, edit: Editing, if_match: IfMatch = None
) -> CharacterEdited:
    """Change the fields that the body has."""
    fields = resolve_files(body.sent_fields(), edit.settings)
    find = edit.finder(Character, character_id, body.branch_name)
    return change_entity(CHARACTERS, edit, body, find=find, if_match=if_match, fields=lambda _: fields)


@router.delete("/characters/{character_id}", responses=error_responses(404))
def delete_character(character_id: RowId, edit: Editing, branch: BranchQuery = None) -> DeletedEntity:
    """Delete a character from its branch or from `branch`. Scenes keep its name, and its history stays."""
    return delete_entity(edit, edit.finder(Character, character_id, branch))


@router.get("/characters/{character_id}/versions", responses=error_responses(404))
def character_versions(
    character_id: RowId, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EntityVersion]:
    """Every past state, newest first, with the commits that made them."""
    return list_versions(session, Character, character_id, branch=branch, pages=pages)
