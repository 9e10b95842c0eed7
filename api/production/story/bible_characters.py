"""The characters of a bible; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, IdOrKey, Name, RowId
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.production.story.projects import ProjectId
from api.versions.answers import StaleScenes, Versioned, refuse_branch_with_at, version_fields
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.reading import list_entities, list_past, read_entity
from db.models.bibles import BibleCharacter
from tower.story import bibles, entities
from tower.story.entities import LocatedRow, PastEntity
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY, Kind

router = strict_router(prefix="/api/anime/projects/{project_id}/bible", tags=["bible"])

TRAITS_EXAMPLE: JsonValue = {
    "name": "Kai Nakamura",
    "description": "Cyberpunk detective",
    "visual_traits": {"hair": "black", "eyes": "augmented"},
    "personality_traits": {"determined": True},
}
PERSON_EXAMPLE: JsonValue = {
    "name": "Kai Nakamura",
    "role": "protagonist",
    "personality": "determined, compassionate",
    "backstory": "Raised by the shrine",
    "visual_description": "black hair, augmented eyes",
    "abilities": ["seal"],
}


class BibleCharacterFields(PersonFields):
    description: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    character_id: IdOrKey | None = Field(None, description="Id or key of the project's character that is drawn for it.")


class NewBibleCharacter(BibleCharacterFields):
    model_config = ConfigDict(json_schema_extra={"examples": [TRAITS_EXAMPLE, PERSON_EXAMPLE]})

    name: Name


class BibleCharacterChange(BibleCharacterFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"backstory": "Raised by the shrine"}]})

    name: Name = Field(default_factory=str)


class BibleCharacterAnswer(Versioned, PersonAnswer):
    description: str | None
    character_key: uuid.UUID | None = Field(description="The `key` of the character that is drawn for it.")

    @classmethod
    def of(cls, entity: LocatedRow[BibleCharacter] | PastEntity) -> Self:
        fields = {name: value for name, value in entity.fields.items() if name != "bible_key"}
        return cls.model_validate({**fields, **version_fields(entity)})


class BibleCharacterEdited(BibleCharacterAnswer, StaleScenes):
    """The character after the edit. The bible affects no picture, so `stale_scenes` is empty."""


@router.post("/characters", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def add_bible_character(
    project_id: ProjectId, body: NewBibleCharacter, session: DatabaseSession, edit: Editing
) -> BibleCharacterEdited:
    """Add a character to the bible. Its name must be unused there."""

    def fields() -> dict[str, Any]:
        bibles.find_bible(session, project_id, body.branch_name or MAIN)
        return _columns(session, project_id, body) | {"bible_key": BIBLE_KEY}

    return create_entity(
        session,
        BibleCharacter,
        edit,
        project_id=project_id,
        branch=body.branch_name,
        fields=fields,
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=BibleCharacterEdited,
        location=f"/api/anime/projects/{project_id}/bible/characters",
    )


@router.get("/characters", responses=error_responses(404))
def list_bible_characters(
    project_id: ProjectId, session: ReadingSession, pages: Pages, branch: BranchQuery = None, at: AtQuery = None
) -> list[BibleCharacterAnswer]:
    """The characters of the bible in the order of creation; in a past state (`at`), by name."""
    refuse_branch_with_at(branch, at)
    if at is not None:
        return list_past(session, Kind.BIBLE_CHARACTERS, project_id=project_id, at=at, pages=pages, to_answers=_answers)
    branch = branch or MAIN
    rows = entities.select_on_branch(session, BibleCharacter, project_id=project_id, branch=branch)
    return list_entities(
        session, rows, BibleCharacter.id, project_id=project_id, branch=branch, pages=pages, to_answers=_answers
    )


@router.get("/characters/{character_id}", responses=error_responses(404))
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


@router.put("/characters/{character_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
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
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=BibleCharacterEdited,
    )


@router.delete("/characters/{character_id}", responses=error_responses(404))
def delete_bible_character(
    project_id: ProjectId, character_id: RowId, session: DatabaseSession, edit: Editing, branch: BranchQuery = None
) -> DeletedEntity:
    """Remove a character from the bible, on its branch or on `branch`."""
    return delete_entity(session, edit, find=lambda: _find_to_change(session, project_id, character_id, branch))


def _find_to_change(
    session: Session, project_id: int, character_id: int, branch: str | None
) -> LocatedRow[BibleCharacter]:
    return entities.find_entity(session, BibleCharacter, character_id, branch=branch, lock=True, project_id=project_id)


def _columns(session: Session, project_id: int, body: BibleCharacterFields) -> dict[str, Any]:
    given = body.sent_fields()
    if "character_id" in given:
        given["character_key"] = bibles.find_character_key(session, project_id, given.pop("character_id"))
    return given


def _answers(_: Session, found: Sequence[LocatedRow[BibleCharacter] | PastEntity]) -> list[BibleCharacterAnswer]:
    return [BibleCharacterAnswer.of(entity) for entity in found]
