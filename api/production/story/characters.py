"""Characters: create, list, change and delete them on any branch; every edit is a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, Name, ProjectQuery, RowId, StorableText, Text
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.versions.answers import StaleScenes, Versioned, refuse_branch_with_at, version_fields
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.entity_history import EntityVersion
from api.versions.reading import list_entities, list_past, list_versions, read_entity
from db.models.characters import Character
from tower.jobs.spec import MAX_SEED
from tower.story import entities, media_references
from tower.story.entities import LocatedRow, PastEntity
from tower.versions.branches import MAIN
from tower.versions.kinds import Kind
from tower.workflows import store

router = strict_router(prefix="/api/anime", tags=["characters"])

EXAMPLE: JsonValue = {
    "project_id": 1,
    "name": "Kai Nakamura",
    "description": "Main protagonist, skilled fighter",
    "image_path": "/path/to/reference.jpg",
    "comfyui_workflow": "anime_character_v2",
}


class CharacterFields(PersonFields):
    description: Text = ""
    image_path: Text | None = Field(None, description="Path of a reference image under a media folder.")
    comfyui_workflow: Name | None = Field(None, description="The name of the workflow that renders this character.")
    seed: int | None = Field(
        None, ge=0, le=MAX_SEED, description="Seed of its renders; null for the generation's seed."
    )


class NewCharacter(CharacterFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Name


class CharacterChange(CharacterFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"description": "Updated character description", "image_path": "/new/path/to/reference.jpg"}]
        }
    )

    name: Name = Field(default_factory=str)


class CharacterAnswer(Versioned, PersonAnswer):
    description: str
    image_path: str | None
    comfyui_workflow: str | None
    seed: int | None
    warnings: list[str] = Field(description="Problems that a render of the character would have.")

    @classmethod
    def of(cls, entity: LocatedRow[Character] | PastEntity, known_workflows: frozenset[str]) -> Self:
        fields = entity.fields
        name = fields["comfyui_workflow"]
        missing = name is not None and name not in known_workflows
        warnings = [f"The workflow {name!r} does not exist: add it before a render needs it"] if missing else []
        return cls.model_validate({**fields, **version_fields(entity), "warnings": warnings})


class CharacterEdited(CharacterAnswer, StaleScenes):
    """The character after the edit."""


@router.post("/characters", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_character(body: NewCharacter, session: DatabaseSession, edit: Editing) -> CharacterEdited:
    """Create a character. Its name must be unused on the branch."""
    fields = media_references.resolve_files(body.sent_fields(), edit.settings)
    del fields["project_id"]
    return create_entity(
        session,
        Character,
        edit,
        project_id=body.project_id,
        branch=body.branch_name,
        fields=lambda: fields,
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=CharacterEdited,
        location=f"{router.prefix}/characters",
    )


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
    refuse_branch_with_at(branch, at)
    if at is not None:
        return list_past(
            session, Kind.CHARACTERS, project_id=project_id, at=at, pages=pages, to_answers=_answers, name=name or ""
        )
    branch = branch or MAIN
    rows = entities.select_on_branch(session, Character, project_id=project_id, branch=branch)
    if name:
        rows = rows.where(Character.name.icontains(name, autoescape=True))
    return list_entities(
        session, rows, Character.id, project_id=project_id, branch=branch, pages=pages, to_answers=_answers
    )


@router.get("/characters/{character_id}", responses=error_responses(404))
def get_character(
    character_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> CharacterAnswer:
    """A character; `branch` reads another branch, `at` a past state."""
    return read_entity(session, Character, character_id, branch=branch, at=at, response=response, to_answers=_answers)


@router.put("/characters/{character_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_character(
    character_id: RowId, body: CharacterChange, session: DatabaseSession, edit: Editing, if_match: IfMatch = None
) -> CharacterEdited:
    """Change the fields that the body has."""
    fields = media_references.resolve_files(body.sent_fields(), edit.settings)
    return change_entity(
        session,
        edit,
        find=lambda: entities.find_entity(session, Character, character_id, branch=body.branch_name, lock=True),
        if_match=if_match,
        fields=lambda _: fields,
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=CharacterEdited,
    )


@router.delete("/characters/{character_id}", responses=error_responses(404))
def delete_character(
    character_id: RowId, session: DatabaseSession, edit: Editing, branch: BranchQuery = None
) -> DeletedEntity:
    """Delete a character from its branch or from `branch`. Scenes keep its name, and its history stays."""
    return delete_entity(
        session, edit, find=lambda: entities.find_entity(session, Character, character_id, branch=branch, lock=True)
    )


@router.get("/characters/{character_id}/versions", responses=error_responses(404))
def character_versions(
    character_id: RowId, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EntityVersion]:
    """Every past state, newest first, with the commits that made them."""
    return list_versions(session, Character, character_id, branch=branch, pages=pages)


def _answers(session: Session, found: Sequence[LocatedRow[Character] | PastEntity]) -> list[CharacterAnswer]:
    workflows = store.workflow_names(session)
    return [CharacterAnswer.of(entity, workflows) for entity in found]
