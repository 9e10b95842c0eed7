"""Requests and answers for characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.http.field_types import Name, RowId, Text
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.versions.answers import StaleScenes, Versioned, version_fields
from db.models.characters import Character
from tower.jobs.spec import MAX_SEED
from tower.names import name_key
from tower.story.entities import LocatedRow, PastEntity
from tower.workflows import store

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
        missing = name is not None and name_key(name) not in known_workflows
        warnings = [f"The workflow {name!r} does not exist: add it before a render needs it"] if missing else []
        return cls.model_validate({**fields, **version_fields(entity), "warnings": warnings})


class CharacterEdited(CharacterAnswer, StaleScenes):
    """The character after the edit."""


def to_answers(session: Session, found: Sequence[LocatedRow[Character] | PastEntity]) -> list[CharacterAnswer]:
    workflows = frozenset(map(name_key, store.workflow_names(session)))
    return [CharacterAnswer.of(entity, workflows) for entity in found]
