"""The characters of a bible; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.field_types import AtQuery, BranchQuery, Name, RowId
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.production.story.projects import ProjectId
from api.production.versions.answers import Touching, Versioned, one_time, place_of
from api.production.versions.editing import Deleted, Editing, change_entity, create_entity, delete_entity
from api.production.versions.reading import list_entities, list_past, read_entity
from db.models.bibles import BibleCharacter
from tower.story import bibles, entities
from tower.story.entities import Found, PastEntity
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY, Kind

router = strict_router(prefix="/api/anime/projects/{project_id}/bible", tags=["bible"])

FIRST: JsonValue = {
    "name": "Kai Nakamura",
    "description": "Cyberpunk detective",
    "visual_traits": {"hair": "black", "eyes": "augmented"},
    "personality_traits": {"determined": True},
}
SECOND: JsonValue = {
    "name": "Kai Nakamura",
    "role": "protagonist",
    "personality": "determined, compassionate",
    "backstory": "Raised by the shrine",
    "visual_description": "black hair, augmented eyes",
    "abilities": ["seal"],
}


class BibleCharacterFields(PersonFields):
    description: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    character_id: RowId | None = Field(None, description="The project's character that is drawn for it.")


class NewBibleCharacter(BibleCharacterFields):
    model_config = ConfigDict(json_schema_extra={"examples": [FIRST, SECOND]})

    name: Name


class BibleCharacterChange(BibleCharacterFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"backstory": "Raised by the shrine"}]})

    name: Name = Field(default_factory=str)


class BibleCharacterAnswer(Versioned, PersonAnswer):
    description: str | None
    character_key: uuid.UUID | None = Field(description="The `key` of the character that is drawn for it.")

    @classmethod
    def of(cls, entity: Found[BibleCharacter] | PastEntity) -> Self:
        fields = {name: value for name, value in entity.fields.items() if name != "bible_key"}
        return cls.model_validate({**fields, **place_of(entity)})


class BibleCharacterEdited(BibleCharacterAnswer, Touching):
    """The character after the edit. The bible affects no picture, so `stale_scenes` is empty."""


@router.post("/characters", status_code=201, responses=documented(400, 404, 409, 413, 415))
def add_bible_character(
    project_id: ProjectId, body: NewBibleCharacter, session: DatabaseSession, edit: Editing
) -> BibleCharacterEdited:
    """Add a character to the bible. Its name must be unused there."""

    def fields() -> dict[str, Any]:
        bibles.find(session, project_id, body.branch_name or MAIN)
        return _columns(session, project_id, body) | {"bible_key": BIBLE_KEY}

    return create_entity(
        session,
        BibleCharacter,
        edit,
        project_id=project_id,
        branch=body.branch_name,
        fields=fields,
        note=edit.note(body),
        to_answers=_answers,
        answer_as=BibleCharacterEdited,
        location=f"/api/anime/projects/{project_id}/bible/characters",
    )


@router.get("/characters", responses=documented(404))
def list_bible_characters(
    project_id: ProjectId, session: ReadingSession, pages: Pages, branch: BranchQuery = None, at: AtQuery = None
) -> list[BibleCharacterAnswer]:
    """The characters of the bible in the order of creation; in a past state (`at`), by name."""
    one_time(branch, at)
    if at is not None:
        return list_past(session, Kind.BIBLE_CHARACTERS, project_id=project_id, at=at, pages=pages, to_answers=_answers)
    branch = branch or MAIN
    rows = entities.on_branch(session, BibleCharacter, project_id=project_id, branch=branch)
    return list_entities(
        session, rows, BibleCharacter.id, project_id=project_id, branch=branch, pages=pages, to_answers=_answers
    )


@router.get("/characters/{character_id}", responses=documented(404))
def get_bible_character(
    project_id: ProjectId,
    character_id: RowId,
    session: ReadingSession,
    *,
    response: Response,
    branch: BranchQuery = None,
    at: AtQuery = None,
) -> BibleCharacterAnswer:
    """A character of the bible; `branch` reads another branch, `at` a past state."""
    return read_entity(
        session,
        BibleCharacter,
        character_id,
        project_id=project_id,
        branch=branch,
        at=at,
        response=response,
        to_answers=_answers,
    )


@router.put("/characters/{character_id}", responses=documented(400, 404, 409, 412, 413, 415))
def change_bible_character(
    project_id: ProjectId,
    character_id: RowId,
    body: BibleCharacterChange,
    session: DatabaseSession,
    *,
    edit: Editing,
    if_match: IfMatch = None,
) -> BibleCharacterEdited:
    """Change the fields that the body has."""
    return change_entity(
        session,
        edit,
        find=lambda: _find_to_change(session, project_id, character_id, body.branch_name),
        if_match=if_match,
        fields=lambda _: _columns(session, project_id, body),
        note=edit.note(body),
        to_answers=_answers,
        answer_as=BibleCharacterEdited,
    )


@router.delete("/characters/{character_id}", responses=documented(404))
def delete_bible_character(
    project_id: ProjectId, character_id: RowId, session: DatabaseSession, edit: Editing, branch: BranchQuery = None
) -> Deleted:
    """Remove a character from the bible, on its branch or on `branch`."""
    return delete_entity(session, edit, find=lambda: _find_to_change(session, project_id, character_id, branch))


def _find_to_change(session: Session, project_id: int, character_id: int, branch: str | None) -> Found[BibleCharacter]:
    return entities.find(session, BibleCharacter, character_id, branch=branch, to_change=True, project_id=project_id)


def _columns(session: Session, project_id: int, body: BibleCharacterFields) -> dict[str, Any]:
    given = body.given()
    if "character_id" in given:
        given["character_key"] = bibles.key_of_character(session, project_id, given.pop("character_id"))
    return given


def _answers(_: Session, found: Sequence[Found[BibleCharacter] | PastEntity]) -> list[BibleCharacterAnswer]:
    return [BibleCharacterAnswer.of(entity) for entity in found]
