"""The characters of a bible; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, tagged
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.field_types import AtQuery, BranchQuery, Name, RowId
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.production.story.projects import ProjectId
from api.production.versions.answers import Touching, Versioned, one_time, past_place, place_of
from api.production.versions.deletion import Deleted, delete
from db.models.bibles import BibleCharacter
from tower.pages import page_of, slice_of
from tower.story import bibles, entities
from tower.story.entities import Found, Note
from tower.versions import history
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
    character_id: RowId | None = Field(None, description="The character of the project that is drawn for it.")


class NewBibleCharacter(BibleCharacterFields):
    model_config = ConfigDict(json_schema_extra={"examples": [FIRST, SECOND]})

    name: Name


class BibleCharacterChange(BibleCharacterFields):
    """What is left out stays as it is; what is given replaces the whole field."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"backstory": "Raised by the shrine"}]})

    name: Name = Field(default_factory=str)


class BibleCharacterAnswer(Versioned, PersonAnswer):
    description: str | None
    character_key: uuid.UUID | None = Field(description="The `key` of the character that is drawn for it.")

    @classmethod
    def of(cls, fields: Mapping[str, Any], place: Mapping[str, Any]) -> Self:
        shown = {name: value for name, value in fields.items() if name != "bible_key"}
        return cls.model_validate({**shown, **place})


class BibleCharacterEdited(BibleCharacterAnswer, Touching):
    """It after the edit. The bible is no part of a picture: `stale_scenes` is empty."""


@router.post("/characters", status_code=201, responses=documented(400, 404, 409, 413, 415))
def add_bible_character(
    project_id: ProjectId, body: NewBibleCharacter, session: DatabaseSession, author: Author, response: Response
) -> BibleCharacterEdited:
    """Add a character to the bible; its name is free in it."""
    branch = body.branch_name or MAIN
    with session.begin():
        bibles.find(session, project_id, branch)
        fields = _columns(session, project_id, body) | {"bible_key": BIBLE_KEY}
        on = entities.held(session, project_id, branch)
        made = entities.create(session, BibleCharacter, fields, on=on, note=Note(author, body.message))
        answer = _answer(made)
    response.headers["Location"] = f"/api/anime/projects/{project_id}/bible/characters/{answer.id}"
    tagged(response, answer)
    return BibleCharacterEdited(**answer.model_dump(), stale_scenes=[])


@router.get("/characters", responses=documented(404))
def list_bible_characters(
    project_id: ProjectId, session: ReadingSession, pages: Pages, branch: BranchQuery = None, at: AtQuery = None
) -> list[BibleCharacterAnswer]:
    """The characters of the bible in the order of their making; in a past state (`at`) by name."""
    one_time(branch, at)
    if at is not None:
        there = history.entities(session, project_id, at, Kind.BIBLE_CHARACTERS).items()
        ordered = sorted(there, key=lambda one: str(one[1]["name"]))
        shown = slice_of(ordered, pages.wanted)
        return pages.answer(shown, lambda one: BibleCharacterAnswer.of(one[1], past_place(project_id, one[0], at)))
    rows = entities.on_branch(session, BibleCharacter, project_id=project_id, branch=branch or MAIN)
    page = page_of(session, rows, BibleCharacter.id, wanted=pages.wanted)
    return pages.answer(page, lambda row: _answer(Found(row, project_id, branch or MAIN)))


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
    """A character of the bible; `branch` shows it as it is on another branch, `at` as it was."""
    one_time(branch, at)
    found = bibles.find_character(session, project_id, character_id, branch=branch)
    answer = _answer(found)
    if at is not None:
        fields = history.entity_at(session, project_id, at, Kind.BIBLE_CHARACTERS, key=found.row.key)
        answer = BibleCharacterAnswer.of(fields, past_place(project_id, found.row.key, at))
    tagged(response, answer)
    return answer


@router.put("/characters/{character_id}", responses=documented(400, 404, 409, 412, 413, 415))
def change_bible_character(
    project_id: ProjectId,
    character_id: RowId,
    body: BibleCharacterChange,
    session: DatabaseSession,
    *,
    author: Author,
    response: Response,
    if_match: IfMatch = None,
) -> BibleCharacterEdited:
    """Change some fields."""
    with session.begin():
        found = bibles.find_character(session, project_id, character_id, branch=body.branch_name, to_change=True)
        require_match(if_match, _answer(found))
        fields = _columns(session, project_id, body)
        answer = _answer(entities.change(session, found, fields, note=Note(author, body.message)))
    tagged(response, answer)
    return BibleCharacterEdited(**answer.model_dump(), stale_scenes=[])


@router.delete("/characters/{character_id}", responses=documented(404))
def delete_bible_character(
    project_id: ProjectId, character_id: RowId, session: DatabaseSession, author: Author, branch: BranchQuery = None
) -> Deleted:
    """Take it out of the bible on its branch (or `branch`)."""
    with session.begin():
        found = bibles.find_character(session, project_id, character_id, branch=branch, to_change=True)
        return delete(session, found, author=author)


def _columns(session: Session, project_id: int, body: BibleCharacterFields) -> dict[str, Any]:
    given = body.given()
    if "character_id" in given:
        given["character_key"] = bibles.key_of_character(session, project_id, given.pop("character_id"))
    return given


def _answer(found: Found[BibleCharacter]) -> BibleCharacterAnswer:
    return BibleCharacterAnswer.of(found.fields, place_of(found.row, found.branch))
